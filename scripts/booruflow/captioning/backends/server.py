"""Backend `server`: an engine that the job starts on its own GPU, such as vLLM, and asks over the OpenAI chat API.

The engine fills the GPU by itself (continuous batching); this backend starts it, feeds it, restarts it and ends it.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from booruflow.captioning.backends.interface import Answer, Backend, Failed, Prepared, Request
from booruflow.captioning.backends.json_constraint import wants_json
from booruflow.captioning.backends.model_identity import local_folder, model_identity
from booruflow.captioning.backends.openai import generation
from booruflow.captioning.backends.serving.chat_body import DEFAULT_MAX_PIXELS, chat_body
from booruflow.captioning.backends.serving.chat_client import AccessError, RequestError
from booruflow.captioning.backends.serving.command import check_arguments, engine_command
from booruflow.captioning.backends.serving.concurrency import ConcurrencyLimit
from booruflow.captioning.backends.serving.engine_process import EngineError, EngineProcess
from booruflow.captioning.backends.serving.engine_runs import EngineRuns
from booruflow.captioning.backends.serving.presets import PRESETS
from booruflow.captioning.backends.serving.redaction import secrets_in
from booruflow.captioning.backends.serving.request_loop import RequestLoop
from booruflow.core.errors import UserError

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = (
    "dtype",
    "attention",
    "min_pixels",
    "max_pixels",
    "max_new_tokens",
    "repetition_penalty",
    "temperature",
    "top_p",
)
START_ATTEMPTS = 3
"""Of an engine whose port is taken by another program before it uses it."""


class ServerBackend(Backend):
    """As many concurrent requests as make the engine faster; see `serving.concurrency`."""

    needs_image = True
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.options: Mapping[str, Any] = captioner["server"]
        self.preset = PRESETS[self.options["engine"]]
        self.needs_gpu: bool = captioner["device"] == "cuda"
        self.image_pixels: int = captioner["max_pixels"] or DEFAULT_MAX_PIXELS
        self._limit = ConcurrencyLimit()
        self._closing = threading.Event()
        self._processes: list[EngineProcess] = []
        self._starting = threading.Lock()

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`: what only operates the engine (`program`, `arguments`, time limits) is not part of it."""
        check_arguments(self.options)
        if self.config["quantization"] is not None:
            raise UserError(
                "captioner.quantization: engines have their own words for it: set null, and give them in"
                " captioner.server.model_arguments, such as [--quantization, fp8]"
            )
        return {
            "backend": "server",
            "request_generation": REQUEST_GENERATION,
            "engine": self.options["engine"],
            "model": model_identity(self.config["model"], self.config["revision"]),
            "json": self._constrained,
            "model_arguments": self.options["model_arguments"],
            "extra_body": self.options["extra_body"],
            **{key: self.config[key] for key in IDENTITY_KEYS},
        }

    @property
    def _constrained(self) -> bool:
        return wants_json(self.config) and bool(self.preset.json)

    def load(self) -> None:
        """See `Backend.load`: start the engine and wait until it is ready."""
        self._folder = local_folder(self.config["model"], self.config["revision"])
        self._start()

    def _start(self) -> EngineProcess:
        """A process of the engine that is ready; its output goes to `engine_log` of the config."""
        log = Path(self.config.get("engine_log", os.devnull))
        for attempt in range(1, START_ATTEMPTS + 1):
            with self._starting:
                if self._closing.is_set():
                    raise UserError("captioner.server: stopped while the engine was starting")
                process = EngineProcess(
                    lambda port: engine_command(self.preset, self.config, self._folder, port),
                    self.preset.environment,
                    log,
                    self.preset.health,
                    self._secrets(),
                )
                self._processes = [process]
            try:
                process.wait_until_ready(self.options["start_timeout"], self._closing)
            except EngineError as error:
                if error.kind != "port" or attempt == START_ATTEMPTS:
                    raise
            else:
                break
        return process

    def _secrets(self) -> list[str]:
        return [*secrets_in(self.options["extra_body"]), os.environ.get("HF_TOKEN", "")]

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the body of the request, with the image in the format that the engine decodes fastest."""
        body = chat_body(request, self._settings(), self.image_pixels, self.preset.image_format)
        return Prepared(request.id, len(request.prompt.user), body)

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        requests = chain.from_iterable(batches)
        if (first := next(requests, None)) is None:  # its preparation has loaded the engine
            return
        with RequestLoop() as loop:
            options = self.options
            runs = EngineRuns(self._processes[0], self._start, self._limit, options["timeout"], options["restart_after"])

            async def answer(prepared: Prepared) -> Answer:
                return await self._answer(runs, prepared)

            try:
                yield from loop.answers(chain([first], requests), answer, lambda: self._limit.value)
            finally:
                loop.start(runs.close()).result()

    async def _answer(self, runs: EngineRuns, prepared: Prepared) -> Answer:
        start = time.monotonic()
        try:
            completion = await runs.complete(prepared.inputs)
        except AccessError as error:
            raise UserError(
                f"captioner.server: the engine refuses all requests ({runs.process.shown(error.reason)}): correct"
                " captioner.server.arguments"
            ) from None
        except RequestError as error:
            return Failed(prepared.id, runs.process.shown(error.reason))
        return generation(prepared.id, completion, time.monotonic() - start)

    def broken(self, what: str) -> UserError:
        """See `Backend.broken`: with the last lines of the engine's log, and where it is."""
        return self._processes[0].failure(f"is at fault: {what}", "read its log, and run again to continue")

    def close(self) -> None:
        """See `Backend.close`."""
        self._closing.set()
        with self._starting:
            for process in self._processes:
                process.stop()

    def _settings(self) -> dict[str, Any]:
        config, preset = self.config, self.preset
        return {
            "model": config["model"],
            "max_tokens": config["max_new_tokens"],
            "temperature": config["temperature"],
            "top_p": config["top_p"],
            **preset.sampling,
            **preset.penalty(config["repetition_penalty"]),
            **(preset.json if self._constrained else {}),
            **self.options["extra_body"],
        }
