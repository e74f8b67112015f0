"""The posts of an export, with their parts, their texts and where their images are."""

from collections.abc import Iterable, Sequence

import polars as pl

from booruflow.core.streams import Stream, aligned
from booruflow.exports.parts import text_part, without_keep_separator
from booruflow.exports.templates import PARTS, TEXTS
from booruflow.exports.variants import Variants, all_texts, chosen_text, parts_used

WILDCARD = r"\{[^}]+\}"
"""What sd-scripts expands with `enable_wildcard` (`process_caption` in library/train_util.py)."""


def part_rows(
    tag_parts: Iterable[pl.DataFrame],
    entries: Sequence[tuple[str, str, Iterable[pl.DataFrame]]],
    images: Iterable[pl.DataFrame],
    resolutions: Iterable[pl.DataFrame],
) -> Stream:
    """One row per post that can be trained on and has tags or a caption.

    Args:
        tag_parts: of `booruflow.exports.parts.post_parts`.
        entries: of each text the name of its part, its member, and its entries read with the member.
        images: images.parquet.
        resolutions: resolutions.parquet, without unreadable images.
    """
    names = [name for name, _, _ in entries]
    for post_rows, image_rows, rows, *frames in aligned([tag_parts, images, resolutions, *(stream for _, _, stream in entries)]):
        rows = rows.rename({"folder": "image_folder"})
        for (name, member, _), frame in zip(entries, frames, strict=True):
            rows = rows.join(text_part(frame, member, name), on="id", how="left", maintain_order="left")
        rows = rows.filter(pl.any_horizontal(pl.col(TEXTS).is_not_null()))
        rows = rows.join(post_rows, on="id", how="left", maintain_order="left")
        rows = rows.join(image_rows.rename({"size": "bytes"}), on="id", how="left", maintain_order="left")
        yield rows.with_columns(without_keep_separator(part) for part in {*PARTS, *names} - {"tags"})


def with_texts(rows: Iterable[pl.DataFrame], variants: Variants, several: str, draws: bool, seed: int) -> Stream:
    """Add `texts`, a list of lines; posts without any are left out.

    Args:
        rows: of `part_rows`.
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


def safe_lines(texts: str = "texts") -> pl.Expr:
    """The texts of each row as lines of one text, for trainers that draw a line.

    Where there are several lines sd-scripts runs with wildcards, and would draw from `{a|b}` in a tag or caption: there braces
    are doubled, which it reads as one.
    """
    line = pl.element()
    doubled = line.str.replace_all("{", "{{", literal=True).str.replace_all("}", "}}", literal=True)
    safe = pl.when(line.str.contains(WILDCARD)).then(doubled).otherwise(line)
    joined = pl.col(texts).list.join("\n")
    return (
        pl.when((pl.col(texts).list.len() > 1) & joined.str.contains("{", literal=True))
        .then(pl.col(texts).list.eval(safe).list.join("\n"))
        .otherwise(joined)
    )


def in_blocks(rows: Iterable[pl.DataFrame], size: int) -> Stream:
    """The same rows in frames of `size` and more, at most twice that; the last one may be smaller."""
    collected: list[pl.DataFrame] = []
    for frame in rows:
        for part in frame.iter_slices(size):
            collected.append(part)
            if sum(map(len, collected)) >= size:
                yield pl.concat(collected)
                collected = []
    if collected:
        yield pl.concat(collected)
