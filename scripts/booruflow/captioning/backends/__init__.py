"""What a captioning backend is: the one interface between the engine and whatever writes captions.

A backend is cheap to make (no model, no torch), says what determines its texts, and only then loads. docs/backends.md
shows how to write one.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from PIL import Image

from booruflow.captioning.prompts import Prompt


@dataclass(frozen=True)
class Request:
    """What one caption is made from. `image` is RGB, at its own size, and None for backends that take none."""

    id: int
    prompt: Prompt
    image: Image.Image | None


@dataclass(frozen=True)
class Prepared:
    """A request as the backend wants it. `size` (tokens) is what batches are sorted by, so that padding is small."""

    id: int
    size: int
    inputs: Any


@dataclass(frozen=True)
class Result:
    """What the model said, verbatim.

    `finish_reason` is `stop` (the model ended), `length` (the token limit) or `repetition` (it looped and was
    stopped). `seconds` is the request's share of its batch's time, or its own time where requests run side by side.
    """

    id: int
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A request that gave no text; the reason is one short line. The engine tries it once more at the end."""

    id: int
    reason: str


Outcome = Result | Failed


class Backend(Protocol):
    """Turns prepared requests into texts."""

    at_once: int
    """How many requests it works on at the same time."""
    batch_size: int
    """How many of them are generated together as one batch; 1 where each starts and ends by itself."""
    needs_image: bool
    """False for backends that write from the tags alone."""

    needs_gpu: bool
    """True when `load` puts a model on a GPU of this machine."""

    def identity(self) -> dict[str, Any]:
        """All that determines a text besides prompt and image, as JSON values; known without loading.

        Raises:
            UserError: there is no such model.
        """

    def load(self) -> None:
        """Make ready to prepare and generate; called once, before the first `prepare`.

        Raises:
            UserError: the model cannot be loaded here.
        """

    def prepare(self, request: Request) -> Prepared:
        """The work that needs no GPU, done ahead in threads.

        Raises:
            Unreadable: the image cannot be given to this model.
        """

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Outcome]]:
        """Yield results as they are finished, in any order, each prepared request exactly once.

        What is yielded together is journalled together. A backend that keeps requests in flight side by side takes
        from `batches` as it has room; when `batches` ends, it finishes what it has begun.
        """


def wants_json(captioner: Mapping[str, Any]) -> bool:
    """True when answers are to be JSON objects by construction."""
    return bool(captioner["constrained"]) and captioner["style"] == "json"


def open_backend(name: str, captioner: Mapping[str, Any]) -> Backend:
    """The backend of the module `booruflow.captioning.backends.<name>`, with the config section `captioner`."""
    module = importlib.import_module(f"booruflow.captioning.backends.{name}")
    return cast(Backend, module.open_backend(captioner))
