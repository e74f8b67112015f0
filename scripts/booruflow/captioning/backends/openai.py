"""Backend `openai`: any server that speaks the OpenAI chat API with images.

vLLM, SGLang, TabbyAPI, llama.cpp's server, `transformers serve`. The job itself needs no GPU. The client of the
`openai` package itself retries after temporary refusals (408, 409, 429, 5xx) and dropped connections.
"""

import asyncio
import base64
import io
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain, cycle
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from PIL import Image

from booruflow.captioning.backends.chat_template import without_control_tokens
from booruflow.captioning.backends.interface import Answer, Failed, Generation, Prepared, Request
from booruflow.captioning.backends.json_constraint import wants_json
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import UserError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = ("model", "revision", "max_pixels", "max_new_tokens", "temperature", "top_p")
DEFAULT_MAX_PIXELS = 4 << 20
"""The largest image sent when the config sets no limit: servers refuse huge images."""

AnswerTask: TypeAlias = "asyncio.Task[Answer]"


class OpenAIBackend:
    """`batch_size` concurrent requests, distributed round-robin over the servers."""

    needs_image, needs_gpu = True, False
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.concurrency: int = captioner["batch_size"]
        self.options: Mapping[str, Any] = captioner["openai"]

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`; it trusts that the server serves the model (and revision) of the config."""
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
        key = options["api_key"] or os.environ.get("OPENAI_API_KEY", "none")
        requests = chain.from_iterable(batches)
        with asyncio.Runner() as runner:
            servers = [
                AsyncOpenAI(base_url=url, api_key=key, timeout=options["timeout"], max_retries=options["retries"])
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
                done, pending = runner.run(_wait_for_any(pending))
                yield [task.result() for task in done if not task.exception()]
                for task in done:
                    task.result()  # an error that ends the run is raised after the answers that arrived with it
            for server in servers:
                runner.run(server.close())

    async def _answer(self, servers: "list[AsyncOpenAI]", prepared: Prepared) -> Answer:
        """The answer of the first server, or of the next one when a connection is lost."""
        import openai

        start = time.monotonic()
        problem = ""
        for server in servers:
            try:
                response = await server.chat.completions.create(messages=prepared.inputs, **self._settings())
                choice = response.choices[0]
                text, finish_reason = choice.message.content, choice.finish_reason
            except openai.APITimeoutError:
                return Failed(prepared.id, "the server took too long")
            except openai.APIConnectionError as error:
                problem = f"connection lost ({error.__cause__ or error})"
                continue
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                raise UserError(f"captioner.openai: {server.base_url} refuses ({error}): correct api_key or model") from error
            except openai.APIStatusError as error:
                return Failed(prepared.id, f"status {error.status_code}: {str(error)[:200]}")
            except (ValueError, TypeError, AttributeError, IndexError) as error:
                return Failed(prepared.id, f"not an answer of the chat API ({error})"[:200])
            if text is None:
                return Failed(prepared.id, "an answer without text")
            if finish_reason == "length" and loops(text) is not None:
                finish_reason = "repetition"
            text = text.encode("utf-8", "replace").decode()  # JSON can hold half a surrogate pair, UTF-8 cannot
            usage = response.usage
            prompt_tokens, completion_tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
            seconds = round(time.monotonic() - start, 4)
            return Generation(prepared.id, text, finish_reason, prompt_tokens, completion_tokens, seconds)
        if not any([await _accepts_connections(str(server.base_url)) for server in servers]):
            urls = ", ".join(self.options["base_urls"])
            raise UserError(f"captioner.openai: no server answers at {urls}: start it and run again to continue")
        return Failed(prepared.id, problem)

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


def limit_pixels(image: Image.Image, max_pixels: int) -> Image.Image:
    """The image, scaled down to at most `max_pixels` pixels with its aspect ratio kept."""
    ratio = math.sqrt(max_pixels / (image.width * image.height))
    if ratio >= 1:
        return image
    return image.resize((max(1, int(image.width * ratio)), max(1, int(image.height * ratio))), Image.Resampling.BICUBIC)


async def _wait_for_any(tasks: set[AnswerTask]) -> tuple[set[AnswerTask], set[AnswerTask]]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _accepts_connections(url: str) -> bool:
    """True if something accepts connections at the URL's host and port."""
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        return False
    with closing(writer):
        return True
