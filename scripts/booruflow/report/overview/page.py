"""The report as one page: the products are read, their figures checked against each other, and written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from booruflow.captioning.skipped import read_skipped
from booruflow.core.files import open_input
from booruflow.core.idjson import READ_BYTES, read_entries, read_entry_ids
from booruflow.core.progress import counted
from booruflow.core.streams import Stream
from booruflow.core.tables import open_table, read_stream, rows_of
from booruflow.products.summary import read_counts
from booruflow.report.overview import figures
from booruflow.report.overview.duplicates import equal_files, families
from booruflow.report.overview.examples import SHOWN, examples, find_texts, sample_captions, shared_out
from booruflow.report.overview.figures import Row
from booruflow.report.overview.flags import MEANINGS, read_flags
from booruflow.report.overview.posts import NO_VARIANT, SOURCES, PostCounts, count_posts
from booruflow.report.overview.shards import FALLBACK, REPAIRED, ShardFigures, in_groups, shard_figures, total_of
from booruflow.report.overview.vocabulary import category_figures
from booruflow.report.page import write_page
from booruflow.report.svg import bar
from booruflow.report.thumbnails import find_images
from booruflow.sources.changes.summary import ChangeCounts, count_changes, most_frequent
from booruflow.sources.images.reasons import UNREADABLE
from booruflow.sources.missing import read_missing
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tokens.statistics import read_statistics

SECTIONS = {
    "posts": "posts",
    "sources": "sources",
    "shards": "shards",
    "bill": "bill",
    "lengths": "lengths",
    "quality": "quality",
    "tags": "tags",
    "images": "sizes",
    "duplicates": "duplicates",
    "changes": "what is new",
    "examples": "images",
    "settings": "settings",
}
"""The sections of the page, with their names in its list of links."""


class ReportFiles(Protocol):
    """Paths as the rule `report` names its inputs; lists have one file per shard."""

    posts: str
    tags: str
    captions: str
    counts: str
    lat: str
    """meta_lat.jsonl, of which only the lines are counted."""
    resolutions: str
    excluded: str
    unreadable: Sequence[str]
    textless: Sequence[str]
    """missing_final.json, or nothing where texts are not made by variants."""
    images: str
    base: str
    good: Sequence[str]
    bad: Sequence[str]
    skipped: Sequence[str]
    failed: Sequence[str]
    raw: Sequence[str]
    stats: Sequence[str]
    fixed: Sequence[str]
    quality: Sequence[str]
    """flags.parquet and counts.json, or nothing where no flag is looked for."""
    changes: str
    change_counts: str
    general: str
    """prevalence_general.tsv; likewise those of the other categories."""
    costs: str
    tokens: str


def write_report(path: str | Path, files: ReportFiles, settings: Sequence[tuple[str, str]]) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        files: the products.
        settings: of `shown_settings`.

    Raises:
        UserError: a product is damaged, or does not fit the others.
    """
    shards = [
        shard_figures(*paths)
        for paths in zip(files.good, files.bad, files.skipped, files.failed, files.raw, files.stats, strict=True)
    ]
    total, counts, posts = total_of(shards), read_counts(files.counts), _posts(files)
    figures.check_sums(posts, total, counts, _lines(files.lat))
    absent = ("shards", "bill") * (not total.posts()) + ("quality",) * (not files.quality)
    values = {
        **_captioning(shards, total),
        **_changes(read_counts(files.change_counts), count_changes(read_stream(files.changes))),
        **_quality(files),
        **_tags(files),
        "sections": [entry for entry in SECTIONS.items() if entry[0] not in absent],
        "posts": posts,
        "trained": posts.trained_in_all(),
        "captions": counts["captions"],
        "funnel": figures.funnel(posts),
        "ratings": figures.sources_by_rating(posts),
        "sources": SOURCES,
        "source_colours": figures.COLOURS,
        "lengths": figures.length_charts(posts),
        "buckets": figures.bucket_rows(posts),
        "ratio_chart": figures.ratio_chart(posts),
        **_duplicates(files.posts),
        "examples": _examples(files),
        "settings": settings,
        "models": [figures.shown_model(model, dict(settings)) for model in sorted(total.models)],
        "device": figures.device(dict(settings)),
        "meanings": MEANINGS,
        "bar": bar,
        "widest": figures.widest,
    }
    write_page(path, Path(__file__).with_name("report.html"), values)


def _posts(files: ReportFiles) -> PostCounts:
    posts = counted(_post_columns(files.posts, "rating", "created_at"), rows_of(files.posts), "report")
    reasons = [
        read_skipped(files.excluded),
        *map(_unreadable, [*files.unreadable, *files.skipped]),
        *map(_textless, files.textless),
    ]
    return count_posts(
        posts,
        read_entry_ids(files.tags),
        read_entries(files.captions, member="caption"),
        read_stream(files.resolutions),
        reasons,
        [read_entry_ids(path) for path in files.good],
        [read_entry_ids(path) for path in files.fixed],
        variants=bool(files.textless),
    )


def _post_columns(path: str, *names: str) -> Stream:
    """The ids of the posts, with those of the columns that the metadata has."""
    present = open_table(path).schema_arrow.names
    return read_stream(path, ["id", *(name for name in names if name in present)])


def _duplicates(path: str) -> dict[str, Any]:
    """The groups of posts; None where the metadata does not have the column."""
    present = open_table(path).schema_arrow.names
    return {
        "md5": equal_files(read_stream(path, ["id", "md5"])) if "md5" in present else None,
        "families": families(read_stream(path, ["id", "parent_id"])) if "parent_id" in present else None,
    }


def _unreadable(path: str) -> Stream:
    """The posts of a list of reasons whose image cannot be decoded: other reasons leave a post without a caption only."""
    for rows in read_skipped(path):
        yield rows.filter(pl.col("reason") == UNREADABLE)


def _textless(path: str) -> Stream:
    """The posts of a missing_final.json for which all variants of the text are empty."""
    for rows in read_missing(path, "text"):
        yield rows.with_columns(reason=pl.lit(NO_VARIANT))


def _lines(path: str) -> int:
    """The number of lines of a file."""
    with open_input(path) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(READ_BYTES), b""))


def _captioning(shards: Sequence[ShardFigures], total: ShardFigures) -> dict[str, Any]:
    groups = in_groups(shards, figures.MAX_SHARD_ROWS)

    def good_of(shard: ShardFigures) -> int:
        return sum(shard.outcomes[kind] for kind in ("good", REPAIRED, FALLBACK))

    kinds = {name for _, name, _ in figures.outcome_parts(total)}
    return {
        "shards": groups,
        "total": total,
        "good": good_of(total),
        "good_of": good_of,
        "outcome_parts": figures.outcome_parts,
        "outcome_colours": {kind: colour for kind, colour in figures.OUTCOME_COLOURS.items() if kind in kinds},
        "widest_shard": max((group.posts() for _, group in groups), default=1) or 1,
        "reasons": figures.outcome_reasons(total),
    }


def _quality(files: ReportFiles) -> dict[str, Any]:
    """The flags, and the captions of their examples."""
    if not files.quality:
        return {"quality": None, "flagged": {}, "token_limits": []}
    path, counts = files.quality
    flags = read_flags(counts, read_stream(path))
    ids = {post for flag in flags.found for post, _ in flag.examples}
    return {
        "quality": flags,
        "flagged": find_texts(files.captions, ids, "caption"),
        "token_limits": figures.token_limits(flags),
    }


def _changes(counts: Mapping[str, int], changes: ChangeCounts) -> dict[str, Any]:
    return {"changes": counts, "came": _rows(changes.came), "went": _rows(changes.went)}


def _rows(counter: "Counter[str]") -> list[Row]:
    return [Row(name, count, [("c1", name, count)]) for name, count in most_frequent(counter, 12)]


def _tags(files: ReportFiles) -> dict[str, Any]:
    categories = category_figures({name: getattr(files, name) for name in TAG_CATEGORIES}, files.costs)
    return {
        "categories": categories,
        "commonest": {each.name: _rows(Counter(dict(each.commonest))) for each in categories},
        "tokens": read_statistics(files.tokens),
    }


def _examples(files: ReportFiles) -> list[tuple[str, int, Any]]:
    """The heading, the number and the examples of each source."""
    paths = {"generated": files.good, "edited": files.fixed, "bad": files.bad, "existing": [files.base]}
    groups = shared_out({source: sample_captions(files_of, SHOWN) for source, files_of in paths.items()})
    ids = {post for posts in groups.values() for post, _ in posts}
    tags, images = find_texts(files.tags, ids, "tags"), find_images(read_stream(files.images), ids)
    return [(source, len(posts), examples(posts, tags, images)) for source, posts in groups.items()]
