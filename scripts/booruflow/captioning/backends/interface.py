"""The interface between the engine and a backend; docs/backends.md shows how to write a backend.

Constructing a backend is cheap (no model, no torch); `identity` says what determines its texts; only `load` loads the model.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from PIL import Image

from booruflow.captioning.prompts.prompt import Prompt
from booruflow.core.errors import UserError


@dataclass(frozen=True)
class Request:
    """The input of one caption.

    `image` is RGB, at its original size or at least of the backend's `image_pixels`, and None for backends that use no image.
    """

    id: int
    prompt: Prompt
    image: Image.Image | None


@dataclass(frozen=True)
class Prepared:
    """A request in the backend's own form. Batches are sorted by `size` (tokens) to keep padding small."""

    id: int
    size: int
    inputs: Any


@dataclass(frozen=True)
class Generation:
    """The generated text, verbatim.

    `finish_reason` is `stop` (end token), `length` (token limit) or `repetition` (the text looped and was stopped).
    `seconds` is the request's share of its batch's time, or its own time where requests run concurrently.
    """

    id: int
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A request that produced no text; the reason is one short line without secrets. The engine retries it once at the end."""

    id: int
    reason: str


Answer: TypeAlias = Generation | Failed


class Backend(Protocol):
    """Turns prepared requests into texts."""

    batch_size: int
    """How many requests are generated together as one batch; 1 where each starts and ends on its own."""
    needs_image: bool
    """False for backends that write from the tags alone."""
    needs_gpu: bool
    """True if `load` puts a model on a GPU of this machine."""
    image_pixels: int | None = None
    """The pixels to which `prepare` scales images down, if it does so itself: a JPEG may then be decoded smaller."""

    def identity(self) -> dict[str, Any]:
        """Everything but prompt and image that determines a text, as JSON values; known without loading the model.

        It is part of the journal key, so `request_generation` belongs to it: see docs/backends.md.

        Raises:
            UserError: the model does not exist.
        """

    def load(self) -> None:
        """Load what `prepare` and `generate` need; called once, before the first `prepare`.

        Raises:
            UserError: the model cannot be loaded on this machine.
        """

    def prepare(self, request: Request) -> Prepared:
        """Do the work that needs no GPU; called in threads, ahead of `generate`.

        Raises:
            Unreadable: the model cannot take this image.
        """

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """Yield answers as they are finished, in any order: exactly one per prepared request.

        Answers that are yielded together are journalled together. A backend with concurrent requests takes from
        `batches` whenever it has room; when `batches` ends, it finishes the requests it has started.
        """

    def broken(self, what: str) -> UserError:
        """The error for a backend that answers no request any more; `what` says how that was found out."""
        return UserError(f"{what}: the backend is at fault: fix it and run again to continue")

    def close(self) -> None:
        """Stop what `load` started outside this process; called once at the end, whatever it is, also while `load` runs."""


def shown_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity as it is recorded in files: `extra_body`, in which a server may want a secret, as a digest."""
    extra_body = identity.get("extra_body")
    if not extra_body:
        return dict(identity)
    digest = hashlib.sha256(json.dumps(extra_body, sort_keys=True).encode()).hexdigest()
    return {**identity, "extra_body": f"sha256:{digest}"}
