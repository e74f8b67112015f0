"""What the review page shows: posts, where their captions are from, and what to search for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Origin(StrEnum):
    """Where the caption of a post is from, or why it has none."""

    BASE = "base"
    GENERATED = "generated"
    FALLBACK = "fallback"
    EDITED = "edited"
    TAGS_ONLY = "tags only"
    """By choice of a person."""
    BAD = "bad"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOTHING = "nothing"
    """Not captioned, or not yet."""


@dataclass(frozen=True)
class Query:
    """Conditions on posts, of which all must hold."""

    tags: tuple[str, ...] = ()
    """Names as on the booru."""
    rating: str = ""
    text: str = ""
    """In the merged caption; ASCII letters in any case."""
    shard: int | None = None
    reason: str = ""
    """Of a bad, skipped or failed post."""
    flag: str = ""
    """Of quality/flags.parquet."""
    origin: Origin | None = None


@dataclass(frozen=True)
class Choices:
    """The values that a search offers."""

    flags: dict[str, int]
    """All that were looked for, each with the number of its captions, most frequent first."""
    reasons: list[str]
    """Of bad and skipped posts; those of failed requests are texts of servers."""
    shards: int


@dataclass(frozen=True)
class Summary:
    """A post in a list; `caption` has at most SUMMARY_CHARACTERS."""

    id: int
    rating: str | None
    caption: str
    origin: Origin
    reason: str
    width: int | None
    height: int | None
    pending: bool
    """Whether the workflow has not taken up an edit yet."""


SUMMARY_CHARACTERS = 300


@dataclass(frozen=True)
class Found:
    """A part of the posts that a query finds."""

    posts: list[Summary]
    after: int | None
    """The id after which to go on; None at the end."""
    share: float
    """How much of the data set has been searched, from 0 to 1."""


@dataclass(frozen=True)
class Text:
    """A text that a trainer sees, and the product that holds it."""

    name: str
    text: str
    file: str


@dataclass(frozen=True)
class Record:
    """The generation of a post. `prompt` is what the present config asks; "" where that cannot be told."""

    text: str
    finish_reason: str
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    backend: str
    model: str
    settings: dict[str, Any]
    prompt: str


@dataclass(frozen=True)
class Outcome:
    """What became of the caption of a post, and the file that says so; `reason` and `detail` where it has none."""

    origin: Origin
    file: str = ""
    caption: str = ""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Post:
    """All that is known of a post."""

    id: int
    rating: str | None
    score: int | None
    width: int | None
    height: int | None
    details: dict[str, str]
    """Further columns of the metadata."""
    tags: dict[str, tuple[str, ...]]
    """By category."""
    texts: list[Text]
    caption: str
    origin: Origin
    origin_file: str
    shard: int | None
    """None where a base caption makes a shard unnecessary."""
    reason: str
    detail: str
    raw: str | None
    """What the model answered."""
    finish_reason: str
    sources: dict[str, str]
    """The captions of all sources, by origin."""
    record: Record | None
    flags: list[tuple[str, str]]
    """Each with its detail."""
    image: str
    image_problem: str
    """Why the image cannot be shown, if that is known."""
