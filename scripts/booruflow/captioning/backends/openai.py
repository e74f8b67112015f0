"""Backend `openai`: any server that speaks the OpenAI chat API with images.

vLLM, SGLang, TabbyAPI, llama.cpp's server, `transformers serve`. The job itself needs no GPU. The client of the
`openai` package repeats by itself what a server refuses for the moment (408, 409, 429, 5xx) or drops.
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

from booruflow.captioning.backends import Failed, Outcome, Prepared, Request, Result, wants_json
from booruflow.captioning.backends.chatml import plain
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import UserError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

DETERMINING = ("model", "revision", "max_pixels", "max_new_tokens", "temperature", "top_p")
Asked: TypeAlias = "asyncio.Task[Outcome]"

MOST_PIXELS = 4 << 20
"""What is sent when the config sets no limit: servers refuse huge images."""


class OpenAIBackend:
    """`batch_size` requests in flight, over one server or several in turn."""

    needs_image, needs_gpu = True, False
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.at_once: int = captioner["batch_size"]
        self.options: Mapping[str, Any] = captioner["openai"]

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`; the server is trusted to serve the model (and revision) that the config names."""
        settings = {key: self.config[key] for key in DETERMINING}
        json = wants_json(self.config)
        return {"backend": "openai", "json": json, "extra_body": self.options["extra_body"], **settings}

    def load(self) -> None:
        """See `Backend.load`: there is nothing to load."""

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the messages, with the image as PNG (the one format that all servers read)."""
        assert request.image is not None
        data = io.BytesIO()
        shrunk(request.image, self.config["max_pixels"] or MOST_PIXELS).save(data, "PNG")
        url = "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()
        system, user = plain(request.prompt)
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": user}]
        messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
        return Prepared(request.id, len(user), messages)

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Outcome]]:
        """See `Backend.generate`."""
        from openai import AsyncOpenAI

        options = self.options
        key = options["api_key"] or os.environ.get("OPENAI_API_KEY", "none")
        waiting = chain.from_iterable(batches)
        with asyncio.Runner() as runner:
            servers = [
                AsyncOpenAI(base_url=url, api_key=key, timeout=options["timeout"], max_retries=options["retries"])
                for url in options["base_urls"]
            ]
            turns = cycle(range(len(servers)))
            flying: set[Asked] = set()
            loop = runner.get_loop()
            while True:
                while len(flying) < self.at_once and (prepared := next(waiting, None)) is not None:
                    first = next(turns)
                    flying.add(loop.create_task(self._ask(servers[first:] + servers[:first], prepared)))
                if not flying:
                    break
                done, flying = runner.run(_first_of(flying))
                yield [task.result() for task in done if not task.exception()]
                for task in done:
                    task.result()  # what ends the run is raised after the answers that came with it
            for server in servers:
                runner.run(server.close())

    async def _ask(self, servers: "list[AsyncOpenAI]", prepared: Prepared) -> Outcome:
        """One request: at the first server, or at the next ones when it is gone."""
        import openai

        begun = time.monotonic()
        problem = ""
        for server in servers:
            try:
                answer = await server.chat.completions.create(messages=prepared.inputs, **self._settings())
                choice = answer.choices[0]
                text, finish_reason = choice.message.content, choice.finish_reason
            except openai.APITimeoutError:
                return Failed(prepared.id, "the server took too long")
            except openai.APIConnectionError as error:
                problem = f"connection lost ({error.__cause__ or error})"
                continue
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                raise UserError(f"captioner.openai: {server.base_url} refuses ({error}): mend api_key or model") from error
            except openai.APIStatusError as error:
                return Failed(prepared.id, f"status {error.status_code}: {str(error)[:200]}")
            except (ValueError, TypeError, AttributeError, IndexError) as error:
                return Failed(prepared.id, f"not an answer of the chat API ({error})"[:200])
            if text is None:
                return Failed(prepared.id, "an answer without text")
            if finish_reason == "length" and loops(text) is not None:
                finish_reason = "repetition"
            text = text.encode("utf-8", "replace").decode()  # JSON can hold half a surrogate pair, UTF-8 cannot
            used = answer.usage
            seconds = round(time.monotonic() - begun, 4)
            asked, told = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
            return Result(prepared.id, text, finish_reason, asked, told, seconds)
        if not any([await _listens(str(server.base_url)) for server in servers]):
            urls = ", ".join(self.options["base_urls"])
            raise UserError(f"captioner.openai: no server answers at {urls}: start it, and run again to go on")
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


def shrunk(image: Image.Image, most_pixels: int) -> Image.Image:
    """The image at its own aspect, with at most so many pixels."""
    ratio = math.sqrt(most_pixels / (image.width * image.height))
    if ratio >= 1:
        return image
    return image.resize((max(1, int(image.width * ratio)), max(1, int(image.height * ratio))), Image.Resampling.BICUBIC)


async def _first_of(
    tasks: "set[Asked]",
) -> "tuple[set[Asked], set[Asked]]":
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _listens(url: str) -> bool:
    """True when something accepts connections at the URL's host and port."""
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        return False
    with closing(writer):
        return True


open_backend = OpenAIBackend
