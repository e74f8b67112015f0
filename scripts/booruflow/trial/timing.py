"""How long captions take by the clock: a backend that notes when answers come.

A caption's own seconds do not tell: where requests run concurrently, their sum is many times the time that passes. So the time
between two groups of answers is noted in a file, which only grows, one line each. An interrupted trial continues it, and one
that finds its captions in the journal still has their times.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from booruflow.captioning.backends.interface import Answer, Backend, Generation, Prepared, Request
from booruflow.captioning.generating import PROBE_ID
from booruflow.core.errors import UserError
from booruflow.core.files import open_input, writing


@dataclass(frozen=True)
class Timing:
    """A group of answers that came together."""

    captions: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """Since the group before; of the first one, since its first request was ready."""
    waiting_seconds: float
    """Of these, the time in which the backend waited for images."""
    request_seconds: float
    """The sum of the requests' own times."""
    loading_seconds: float
    """How long the model took to load in that run; 0 in all groups but the first."""


class TimedBackend(Backend):
    """A backend that notes in a file how long its answers take."""

    def __init__(self, backend: Backend, path: Path, key: str) -> None:
        """`path` is the file, and `key` stands for everything that determines how fast the backend is."""
        self._backend, self._path, self._key = backend, path, key
        self.batch_size, self.image_pixels = backend.batch_size, backend.image_pixels
        self.needs_image, self.needs_gpu = backend.needs_image, backend.needs_gpu
        self._loading = self._waiting = self._last = 0.0

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`."""
        return self._backend.identity()

    def load(self) -> None:
        """See `Backend.load`."""
        start = time.monotonic()
        self._backend.load()
        self._loading = time.monotonic() - start

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`."""
        return self._backend.prepare(request)

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        self._last = 0.0
        for answers in self._backend.generate(self._noting_waits(batches)):
            now = time.monotonic()
            generations = [answer for answer in answers if isinstance(answer, Generation) and answer.id != PROBE_ID]
            timing = Timing(
                len(generations),
                sum(generation.prompt_tokens for generation in generations),
                sum(generation.completion_tokens for generation in generations),
                round(now - self._last, 6),
                round(self._waiting, 6),
                round(sum(generation.seconds for generation in generations), 6),
                round(self._loading, 6),
            )
            self._waiting = self._loading = 0.0
            self._last = now
            self._note(timing)
            yield answers

    def broken(self, what: str) -> UserError:
        """See `Backend.broken`."""
        return self._backend.broken(what)

    def close(self) -> None:
        """See `Backend.close`."""
        self._backend.close()

    def _noting_waits(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Prepared]]:
        while True:
            start = time.monotonic()
            batch = next(batches, None)
            now = time.monotonic()
            if batch is None:
                return
            if self._last:
                self._waiting += now - start
            else:
                self._last = now  # what was before is loading
            yield batch

    def _note(self, timing: Timing) -> None:
        line = "\n" + json.dumps({"key": self._key, **asdict(timing)})  # the line before may have been cut off by a kill
        with writing(self._path), self._path.open("ab", buffering=0) as file:
            file.write(line.encode())


def speed_key(captioner: Mapping[str, Any]) -> str:
    """A digest of the config section `captioner`: what changes texts or speed makes other timings."""
    return hashlib.sha256(json.dumps(captioner, sort_keys=True).encode()).hexdigest()[:32]


def read_timings(path: Path, key: str) -> list[Timing]:
    """The timings of a key, in order; a line that is none, such as one that was cut off by a kill, is ignored."""
    if not path.exists():
        return []
    with open_input(path) as file:
        return [timing for line in file if (timing := _timing(line, key)) is not None]


def _timing(line: bytes, key: str) -> Timing | None:
    with suppress(ValueError, TypeError, KeyError):
        value = json.loads(line)
        if value["key"] == key:
            return Timing(**{name: value[name] for name in Timing.__annotations__})
    return None
