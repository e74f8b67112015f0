"""The texts of each post by the variants of the config.

In meta_lat and tars they are lines of one text. Trainers draw a line each time: sd-scripts with `enable_wildcard`, OneTrainer
always.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from booruflow.core.idjson import decode_json_text, json_text
from booruflow.core.streams import Stream
from booruflow.texts.parts import read_part_rows
from booruflow.texts.templates import Variants, parts_used
from booruflow.texts.variants import all_texts, chosen_text, joined_texts

WILDCARD = r"\{[^}]+\}|\{\{|\}\}"
"""What sd-scripts expands with `enable_wildcard`, or reads as one brace (`process_caption` in library/train_util.py)."""

ESCAPED = (r'["\\\x00-\x07]', r"[\x08-\x0f]", r"[\x10-\x17]", r"[\x18-\x1f]")
"""Patterns for what JSON text escapes (RFC 8259); one for all of it takes seven times as long as the four."""


class TextFiles(Protocol):
    """Paths of what texts are made of, as the rules name their inputs."""

    posts: str
    policy_tags: str
    """tags.parquet; empty without a policy."""
    tags: str
    """The tags JSON of a subset; of all posts it may be empty, since the same tags can be made from the tables."""
    captions: str
    further: Sequence[str]
    """The captions of further styles that the variants use."""


def read_texts(files: TextFiles, settings: Mapping[str, Any]) -> Stream:
    """`post_texts` of all posts, by the settings `variants`, `line` and `parts`: of each part that is a file, name and member."""
    return post_texts(_read_rows(files, settings), settings["variants"])


def read_json_texts(files: TextFiles, settings: Mapping[str, Any]) -> Stream:
    """`json_texts` of all posts, by the same settings."""
    return json_texts(_read_rows(files, settings), settings["variants"])


def _read_rows(files: TextFiles, settings: Mapping[str, Any]) -> Stream:
    paths = [files.tags, files.captions, *files.further]
    entries = [(name, member, path) for (name, member), path in zip(settings["parts"], paths, strict=True) if path]
    return read_part_rows(files.posts, files.policy_tags, entries, settings["line"], parts_used(settings["variants"]))


def post_texts(rows: Iterable[pl.DataFrame], variants: Variants) -> Stream:
    """The texts of each post that has any, as lines: columns `id` and `text`. `rows` have all parts used."""
    lines = joined_texts(variants)
    for frame in rows:
        texts = frame.select("id", text=lines).filter(pl.col("text") != "")
        yield texts.with_columns(safe_lines(texts["text"])) if len(variants) > 1 else texts


def json_texts(rows: Iterable[pl.DataFrame], variants: Variants) -> Stream:
    """The same with `text` as JSON text.

    The parts are encoded rather than the texts: few hold what JSON escapes, while each text of several lines does.
    """
    lines, parts = joined_texts(variants, as_json=True), parts_used(variants)
    for frame in rows:
        texts = _with_json_inside(frame, parts).select("id", text=lines).filter(pl.col("text") != '""')
        if len(variants) > 1 and len(few := _with_brace(texts["text"])):
            safe = texts[few].with_columns(decode_json_text(pl.col("text")))
            safe = safe.with_columns(safe_lines(safe["text"])).select(json_text("text"))
            texts = texts.with_columns(texts["text"].clone().scatter(few, safe["text"]))
        yield texts


def _with_json_inside(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Rows with the strings of the columns as JSON text without the quotes around it."""
    has_escape = [pl.any_horizontal(pl.col(name).str.contains(pattern) for pattern in ESCAPED) for name in columns]
    places = rows.select(found.arg_true().implode().alias(name) for name, found in zip(columns, has_escape, strict=True))
    changed = [_escaped(rows[name], places[name].item()) for name in columns if len(places[name].item())]
    return rows.with_columns(changed)


def _escaped(texts: pl.Series, rows: pl.Series) -> pl.Series:
    """The texts with those of some rows escaped: they are few, and encoding is slow."""
    encoded = texts.gather(rows).to_frame("text").select(json_text("text").str.slice(1).str.head(-1)).to_series()
    return texts.clone().scatter(rows, encoded)


def with_texts(rows: Iterable[pl.DataFrame], variants: Variants, several: str, *, draws: bool, seed: int) -> Stream:
    """Add `texts`, a list of lines; posts without any are left out.

    Args:
        rows: of `booruflow.texts.parts.part_rows`.
        variants: templates with weights.
        several: "lines" or "list" for all texts, "one" for one of them.
        draws: whether the trainer draws one, so that weights count.
        seed: of the choice of one.
    """
    used = parts_used(variants)
    for frame in rows:
        kept = frame.filter(pl.any_horizontal(pl.col(used).is_not_null()))
        if several == "one":
            yield kept.with_columns(chosen_text(kept, variants, seed).reshape((-1, 1)).arr.to_list().alias("texts"))
        else:
            yield kept.with_columns(texts=all_texts(variants, repeated=draws))


def safe_lines(texts: pl.Series) -> pl.Series:
    """The lines of each text, made safe for sd-scripts with wildcards, with which it draws one of several lines.

    It would draw from `{a|b}` in a tag or caption as well, also where a post has but one line: there braces are doubled, which it
    reads as one.
    """
    rows = _with_brace(texts)
    if not len(rows):
        return texts
    line = pl.element()
    doubled = line.str.replace_all("{", "{{", literal=True).str.replace_all("}", "}}", literal=True)
    safe = pl.when(line.str.contains(WILDCARD)).then(doubled).otherwise(line)
    return texts.clone().scatter(rows, texts.gather(rows).str.split("\n").list.eval(safe).list.join("\n"))


def _with_brace(texts: pl.Series) -> pl.Series:
    """The rows of texts with an opening brace or two closing ones, which are few."""
    return (texts.str.contains("{", literal=True) | texts.str.contains("}}", literal=True)).arg_true()
