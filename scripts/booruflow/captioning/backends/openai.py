"""Backend `openai`: any server that speaks the OpenAI chat API with images and is run by others.

vLLM, SGLang, TabbyAPI, llama.cpp's server, `transformers serve`, or a service. The job itself needs no GPU.
"""

import asyncio
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain, cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from booruflow.captioning.backends.interface import Answer, Backend, Failed, Generation, Prepared, Request
from booruflow.captioning.backends.json_constraint import wants_json
from booruflow.captioning.backends.serving.chat_body import DEFAULT_MAX_PIXELS, chat_body
from booruflow.captioning.backends.serving.chat_client import (
    AccessError,
    ChatClient,
    Completion,
    ConnectionLostError,
    RefusedError,
    ServerError,
)
from booruflow.captioning.backends.serving.redaction import redact, secrets_in
from booruflow.captioning.backends.serving.request_loop import RequestLoop
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import UserError
from booruflow.core.files import reading

REQUEST_GENERATION = 2
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = ("model", "revision", "max_pixels", "max_new_tokens", "temperature", "top_p")
KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAIBackend(Backend):
    """`batch_size` concurrent requests, distributed round-robin over the servers."""

    needs_image, needs_gpu = True, False
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.concurrency: int = captioner["batch_size"]
        self.image_pixels: int = captioner["max_pixels"] or DEFAULT_MAX_PIXELS
        self.options: Mapping[str, Any] = captioner["openai"]
        self.key = ""

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`; it trusts that the server serves the model (and revision) of the config."""
        api_key(self.options["api_key_file"])  # a missing file is found before the first job
        return {
            "backend": "openai",
            "request_generation": REQUEST_GENERATION,
            "json": wants_json(self.config),
            "extra_body": self.options["extra_body"],
            **{key: self.config[key] for key in IDENTITY_KEYS},
        }

    def load(self) -> None:
        """See `Backend.load`: the server has loaded the model."""

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the body of the request, with the image as PNG, the one format that all servers read."""
        return Prepared(request.id, len(request.prompt.user), chat_body(request, self._settings(), self.image_pixels, "PNG"))

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        options = self.options
        self.key = api_key(options["api_key_file"])
        clients = [ChatClient(url, self.key, options["timeout"], options["retries"]) for url in options["base_urls"]]
        starts = cycle(range(len(clients)))

        async def answer(prepared: Prepared) -> Answer:
            first = next(starts)
            return await self._answer(clients[first:] + clients[:first], prepared)

        with RequestLoop() as loop:
            try:
                yield from loop.answers(chain.from_iterable(batches), answer, lambda: self.concurrency)
            finally:
                for client in clients:
                    loop.start(client.close()).result()

    async def _answer(self, clients: list[ChatClient], prepared: Prepared) -> Answer:
        """The answer of the first server, or of the next one after a failure that may be the server's own."""
        start = time.monotonic()
        reason, lost = "", 0
        for client in clients:
            try:
                completion = await client.complete(prepared.inputs)
            except AccessError as error:
                url = self._shown(client.base_url)
                raise UserError(
                    f"captioner.openai: {url} refuses ({self._shown(error.reason)}): correct the API key or captioner.model"
                ) from None
            except RefusedError as error:
                reason = self._shown(error.reason)
                break
            except ServerError as error:
                reason, lost = self._shown(error.reason), lost + isinstance(error, ConnectionLostError)
            else:
                return generation(prepared.id, completion, time.monotonic() - start)
        if lost == len(clients) and not any([await _accepts_connections(client.base_url) for client in clients]):
            urls = ", ".join(map(self._shown, self.options["base_urls"]))
            raise UserError(f"captioner.openai: no server answers at {urls}: start it and run again to continue")
        return Failed(prepared.id, reason)

    def _shown(self, message: object) -> str:
        """A message without the secrets of this backend."""
        passwords = [urlsplit(url).password or "" for url in self.options["base_urls"]]
        return redact(message, [self.key, *passwords, *secrets_in(self.options["extra_body"])])

    def _settings(self) -> dict[str, Any]:
        config = self.config
        settings: dict[str, Any] = {
            "model": config["model"],
            "max_tokens": config["max_new_tokens"],
            "temperature": config["temperature"],
            "top_p": config["top_p"],
        }
        if wants_json(config):
            settings["response_format"] = {"type": "json_object"}
        return {**settings, **self.options["extra_body"]}


def api_key(file: str | None) -> str:
    """The API key: from `file` or, where that is None, of the environment variable OPENAI_API_KEY; "" for none.

    Raises:
        UserError: the file cannot be read, or it or the variable does not hold a key; the message does not quote it.
    """
    if file is None:
        place, key = f"the environment variable {KEY_VARIABLE}", os.environ.get(KEY_VARIABLE, "").strip()
        if not key:
            return ""
    else:
        place = f"captioner.openai.api_key_file: {file}"
        with reading(file):
            key = Path(file).read_bytes().decode("utf-8", "replace").strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise UserError(f"{place}: not an API key (one line of ASCII characters without spaces): write the key alone into it")
    return key


def generation(id_: int, completion: Completion, seconds: float) -> Generation:
    """A completion as the generation of a post; one that was cut while it looped ends with repetition."""
    finish_reason = completion.finish_reason
    if finish_reason == "length" and loops(completion.text) is not None:
        finish_reason = "repetition"
    return Generation(
        id_, completion.text, finish_reason, completion.prompt_tokens, completion.completion_tokens, round(seconds, 4)
    )


async def _accepts_connections(url: str) -> bool:
    """True if something accepts connections at the URL's host and port."""
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        return False
    with closing(writer):
        return True
