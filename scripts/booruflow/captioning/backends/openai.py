"""Backend `openai`: any server that speaks the OpenAI chat API with images.

vLLM, SGLang, TabbyAPI, llama.cpp's server, `transformers serve`. The job itself needs no GPU. The client of the
`openai` package itself retries after temporary refusals (408, 409, 429, 5xx) and dropped connections.
"""

import asyncio
import base64
import io
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from PIL import Image

from booruflow.captioning.backends.chat_template import without_control_tokens
from booruflow.captioning.backends.interface import Answer, Failed, Generation, Prepared, Request
from booruflow.captioning.backends.json_constraint import wants_json
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import UserError
from booruflow.core.files import reading

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = ("model", "revision", "max_pixels", "max_new_tokens", "temperature", "top_p")
DEFAULT_MAX_PIXELS = 4 << 20
"""The largest image sent when the config sets no limit: servers refuse huge images."""
KEY_VARIABLE = "OPENAI_API_KEY"
NO_KEY = "none"
"""Sent where there is no key: the client insists on one, and servers without keys ignore it."""
REFUSED_REQUEST = {400, 413, 422}
"""Statuses that say something of the request: another server would refuse it as well."""
MAX_REASON = 200
"""Characters of a reason."""
MIN_SECRET = 8
"""Characters of a text in `extra_body` that is not shown; shorter ones are words, not secrets."""

AnswerTask: TypeAlias = "asyncio.Task[Answer]"


class OpenAIBackend:
    """`batch_size` concurrent requests, distributed round-robin over the servers."""

    needs_image, needs_gpu = True, False
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.concurrency: int = captioner["batch_size"]
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
        """See `Backend.prepare`: the messages, with the image as PNG, the one format that all servers read."""
        assert request.image is not None
        png = io.BytesIO()
        limit_pixels(request.image, self.config["max_pixels"] or DEFAULT_MAX_PIXELS).save(png, "PNG")
        url = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
        system, user = without_control_tokens(request.prompt)
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": user}]
        messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
        return Prepared(request.id, len(user), messages)

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        from openai import AsyncOpenAI

        options = self.options
        self.key = api_key(options["api_key_file"])
        requests = chain.from_iterable(batches)
        with asyncio.Runner() as runner:
            servers = [
                AsyncOpenAI(base_url=url, api_key=self.key or NO_KEY, timeout=options["timeout"], max_retries=options["retries"])
                for url in options["base_urls"]
            ]
            first_servers = cycle(range(len(servers)))
            pending: set[AnswerTask] = set()
            loop = runner.get_loop()
            while True:
                while len(pending) < self.concurrency and (prepared := next(requests, None)) is not None:
                    first = next(first_servers)
                    pending.add(loop.create_task(self._answer(servers[first:] + servers[:first], prepared)))
                if not pending:
                    break
                done, pending = runner.run(_wait(pending, asyncio.FIRST_COMPLETED))
                if pending and any(task.exception() for task in done):  # it ends the run: first keep what is in progress
                    done |= runner.run(_wait(pending, asyncio.ALL_COMPLETED))[0]
                yield [task.result() for task in done if not task.exception()]
                for task in done:
                    task.result()
            for server in servers:
                runner.run(server.close())

    async def _answer(self, servers: "list[AsyncOpenAI]", prepared: Prepared) -> Answer:
        """The answer of the first server, or of the next one after a failure that may be the server's own."""
        import openai

        start = time.monotonic()
        reason, lost = "", 0
        for server in servers:
            try:
                response = await server.chat.completions.create(messages=prepared.inputs, **self._settings())
                return _generation(prepared.id, response, time.monotonic() - start)
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                url = self._shown(str(server.base_url))
                raise UserError(
                    f"captioner.openai: {url} refuses ({self._shown(error)}): correct the API key or captioner.model"
                ) from None
            except openai.APITimeoutError:
                reason = "the server took too long"
            except openai.APIConnectionError as error:
                reason, lost = self._shown(f"connection lost ({error.__cause__ or error})"), lost + 1
            except openai.APIStatusError as error:
                problem = str(error).removeprefix(f"Error code: {error.status_code}").removeprefix(" - ") or error.body or ""
                reason = self._shown(f"status {error.status_code}: {problem}".removesuffix(": "))
                if error.status_code in REFUSED_REQUEST:
                    break
            except (openai.APIError, ValueError, TypeError, AttributeError, LookupError) as error:
                reason = self._shown(f"not an answer of the chat API ({error})")
        if lost == len(servers) and not any([await _accepts_connections(str(server.base_url)) for server in servers]):
            urls = ", ".join(map(self._shown, self.options["base_urls"]))
            raise UserError(f"captioner.openai: no server answers at {urls}: start it and run again to continue")
        return Failed(prepared.id, reason)

    def _shown(self, message: object) -> str:
        """A message as one short line without secrets: servers quote keys and requests in their errors."""
        text = " ".join(str(message).split())
        secrets = [secret for secret in _texts(self.options["extra_body"]) if len(secret) >= MIN_SECRET]
        secrets += [self.key, *(urlsplit(url).password or "" for url in self.options["base_urls"])]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        text = re.sub(r"(https?://)[^/@\s]*@", r"\1***@", text)
        return re.sub(r"(https?://[^?\s]*\?)\S*", r"\1***", text)[:MAX_REASON]

    def _settings(self) -> dict[str, Any]:
        config = self.config
        settings = {
            "model": config["model"],
            "max_tokens": config["max_new_tokens"],
            "temperature": config["temperature"],
            "top_p": config["top_p"],
            "extra_body": self.options["extra_body"],
        }
        if wants_json(config):
            settings["response_format"] = {"type": "json_object"}
        return settings


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


def _texts(value: object) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))


def _generation(id_: int, response: "ChatCompletion", seconds: float) -> Generation:
    """The generation in a response.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: it is no answer of the chat API.
    """
    choice, usage = response.choices[0], response.usage
    if not isinstance(choice.message.content, str):
        raise ValueError("an answer without text")
    text = choice.message.content.encode("utf-8", "replace").decode()  # JSON can hold half a surrogate pair, UTF-8 cannot
    finish_reason = str(choice.finish_reason or "stop")
    if finish_reason == "length" and loops(text) is not None:
        finish_reason = "repetition"
    prompt_tokens, completion_tokens = (int(usage.prompt_tokens), int(usage.completion_tokens)) if usage else (0, 0)
    return Generation(id_, text, finish_reason, prompt_tokens, completion_tokens, round(seconds, 4))


def limit_pixels(image: Image.Image, max_pixels: int) -> Image.Image:
    """The image, scaled down to at most `max_pixels` pixels with its aspect ratio kept."""
    ratio = math.sqrt(max_pixels / (image.width * image.height))
    if ratio >= 1:
        return image
    return image.resize((max(1, int(image.width * ratio)), max(1, int(image.height * ratio))), Image.Resampling.BICUBIC)


async def _wait(tasks: set[AnswerTask], until: str) -> tuple[set[AnswerTask], set[AnswerTask]]:
    return await asyncio.wait(tasks, return_when=until)


async def _accepts_connections(url: str) -> bool:
    """True if something accepts connections at the URL's host and port."""
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        return False
    with closing(writer):
        return True
