"""The page of the report: figures of the products put together, checked against each other, and written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from booruflow.core.errors import UserError, counted_noun
from booruflow.quality.tokens import LIMITS
from booruflow.report.overview.flags import Flags
from booruflow.report.overview.posts import (
    BIN_WIDTH,
    EDITED,
    EXISTING,
    GENERATED,
    MAX_WORDS,
    RATIO_EDGES,
    SOURCES,
    TAGS,
    PostCounts,
)
from booruflow.report.overview.shards import FAILED, FALLBACK, REPAIRED, ShardFigures
from booruflow.report.svg import Axis, histogram

SHOWN_DIGITS = 8
"""Of the digest of a model's folder, or of its commit."""
COLOURS = {EXISTING: "c1", GENERATED: "c2", EDITED: "c3", TAGS: "c4"}
OUTCOME_COLOURS = {"good": "c2", REPAIRED: "c6", FALLBACK: "c1", FAILED: "c7", "bad": "c5", "skipped": "c4"}

RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit", None: "not known"}

MAX_BUCKETS = 24
MAX_SHARD_ROWS = 32

Bar = tuple[str, str, int]


@dataclass(frozen=True)
class Row:
    """A row of a chart: its label, its count, and the parts of its bar, see `booruflow.report.svg.bar`."""

    label: str
    count: int
    parts: Sequence[Bar]


def check_sums(posts: PostCounts, shards: ShardFigures, counts: Mapping[str, int], entries: int) -> None:
    """Hold the figures of the page against those that other rules found.

    Args:
        posts: what became of the posts.
        shards: all shards together.
        counts: of captions/counts.json.
        entries: the lines of meta_lat.jsonl.

    Raises:
        UserError: two figures of one thing differ.
    """
    trained = posts.trained_in_all()
    for statement, one, other in (
        ("posts that are trained on or excluded, and posts", trained + posts.excluded.total(), posts.posts),
        ("posts that are trained on, and lines of meta_lat.jsonl", trained, entries),
        ("captions by length, and captions", sum(int(bins.sum()) for bins in posts.words.values()), counts["captions"]),
        ("outcomes of the shards, and posts without an existing caption", shards.posts(), counts["to_caption"]),
    ):
        if one != other:
            raise UserError(f"check failed: {statement}: {one:,} and {other:,}: run `snakemake verify`, which names what changed")


def funnel(posts: PostCounts) -> list[Row]:
    """From all posts to those that are trained on: a row for each reason that excludes some, most frequent first."""
    left, rows = posts.posts, [Row("posts", posts.posts, [("c9", "posts", posts.posts)])]
    for reason, count in _by_count(posts.excluded):
        left -= count
        rows.append(Row(reason, -count, [("c0", "", left), ("c5", reason, count)]))
    parts = [(COLOURS[source], source, posts.trained[source].total()) for source in SOURCES]
    return [*rows, Row("entries for training", left, parts)]


def sources_by_rating(posts: PostCounts) -> list[Row]:
    """A row for each rating, with the sources of its texts."""
    found = {rating for counts in posts.trained.values() for rating in counts}
    order = [*RATINGS, *sorted(found - RATINGS.keys(), key=str)]
    return [
        Row(
            RATINGS.get(rating, str(rating)),
            sum(posts.trained[source][rating] for source in SOURCES),
            [(COLOURS[source], source, posts.trained[source][rating]) for source in SOURCES],
        )
        for rating in order
        if rating in found
    ]


def outcome_parts(figures: ShardFigures) -> list[Bar]:
    """The outcomes of a shard as the parts of a bar, without their reasons."""
    kinds = dict.fromkeys(OUTCOME_COLOURS, 0)
    for outcome, count in figures.outcomes.items():
        kinds[outcome.partition(":")[0]] += count
    return [(OUTCOME_COLOURS[kind], kind, count) for kind, count in kinds.items() if count]


def outcome_reasons(figures: ShardFigures) -> list[tuple[str, int]]:
    """The reasons of bad and skipped posts, most frequent first."""
    return [(name, count) for name, count in _by_count(figures.outcomes) if ":" in name]


def device(settings: Mapping[str, str]) -> str:
    """What the time of generating is spent on, by the settings as they are shown."""
    if settings.get("captioner.backend") == "openai":
        return "server"
    return "CPU" if settings.get("captioner.device") == "cpu" else "GPU"


def shown_model(recorded: str, settings: Mapping[str, str]) -> str:
    """A model by its name, with the start of its digest or commit, of its backend and identity as `ShardFigures.models` has them.

    A folder is recorded by a digest of its files: its name is that of the settings, if that backend is in them.
    `transformers folder:5f0c12ab...` is shown as `transformers: sample/captioner (5f0c12ab)`.
    """
    backend, _, identity = recorded.partition(" ")
    if identity.startswith("folder:"):
        section = "captioner.tipo" if backend == "tipo" else "captioner"
        is_configured = backend in (settings.get("captioner.backend"), settings.get("captioner.fallback"))
        name = settings.get(f"{section}.model", "") if is_configured else ""
        name, version = name or "a folder", identity.removeprefix("folder:")
    else:
        name, _, version = identity.partition("@")
    return f"{backend}{f': {name}' if name else ''}{f' ({version[:SHOWN_DIGITS]})' if version else ''}"


def token_limits(flags: Flags) -> list[tuple[str, int]]:
    """The limits of text encoders that were looked for, in words, and how many captions have more tokens."""
    totals = {flag.name: flag.total() for flag in flags.found}
    return [
        (f"{limit} tokens of {encoder.upper()}, {flags.tokens.get(encoder, 'estimated')}", totals[name])
        for encoder, limits in LIMITS.items()
        for limit in limits
        if (name := f"over_{limit}_tokens") in totals
    ]


def length_charts(posts: PostCounts) -> list[tuple[str, int, Markup]]:
    """A histogram of the words of captions for each source that has captions: its name, their number, the chart."""
    used = [int(np.flatnonzero(bins).max(initial=0)) for bins in posts.words.values()]
    end = max(used) + 1
    edges = [number * BIN_WIDTH for number in range(end + 1)]
    step = next(step for step in (20, 50, 100) if end * BIN_WIDTH / step <= 8 or step == 100)
    ticks = [(float(at), f"{at}+" if at >= MAX_WORDS else str(at)) for at in range(0, end * BIN_WIDTH + 1, step)]
    x = Axis(0, end * BIN_WIDTH, ticks)
    return [
        (source, int(bins.sum()), histogram(bins[:end].tolist(), x, edges, ("words", "captions"), COLOURS[source]))
        for source, bins in posts.words.items()
        if bins.any()
    ]


def bucket_rows(posts: PostCounts) -> list[Row]:
    """The commonest training resolutions, widest first, and the rest as one row."""
    frequent = sorted(posts.buckets, key=lambda size: (-posts.buckets[size], size))[:MAX_BUCKETS]
    rows = [
        Row(f"{width} × {height}", posts.buckets[width, height], [("c1", "", posts.buckets[width, height])])
        for width, height in sorted(frequent, key=lambda size: (-size[0] / size[1], size))
    ]
    rest = posts.buckets.total() - sum(row.count for row in rows)
    others = counted_noun(len(posts.buckets) - len(rows), "other")
    return [*rows, Row(others, rest, [("c4", "", rest)])] if rest else rows


def ratio_chart(posts: PostCounts) -> Markup:
    """A histogram of the aspect ratios of the images."""
    ticks = [(0.25, "1:4"), (0.5, "1:2"), (2 / 3, "2:3"), (1.0, "1:1"), (1.5, "3:2"), (2.0, "2:1"), (4.0, "4:1")]
    x = Axis(RATIO_EDGES[0], RATIO_EDGES[-1], ticks, logarithmic=True)
    return histogram(posts.ratios.tolist(), x, RATIO_EDGES, ("width : height", "images"))


def widest(rows: Iterable[Row]) -> int:
    """The count of the widest bar of a chart."""
    return max((sum(count for _, _, count in row.parts) for row in rows), default=0) or 1


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
