"""texts.json: the texts of each post by the variants of the config, a line each.

Trainers draw a line each time: sd-scripts with `enable_wildcard`, OneTrainer always.
"""

from collections.abc import Iterable

import polars as pl

from booruflow.core.streams import Stream
from booruflow.texts.templates import Variants, parts_used
from booruflow.texts.variants import all_texts, chosen_text

MEMBER = "text"
"""The member of an entry of texts.json."""

WILDCARD = r"\{[^}]+\}"
"""What sd-scripts expands with `enable_wildcard` (`process_caption` in library/train_util.py)."""


def text_entries(rows: Iterable[pl.DataFrame], variants: Variants) -> Stream:
    """Entries `{"text": ...}` of the posts that have a text: columns `id`, `value` (JSON text). `rows` have all parts used."""
    text = text_lines(wildcards=len(variants) > 1).alias(MEMBER)
    for frame in with_texts(rows, variants, "lines", draws=True, seed=0):
        yield frame.select("id", text).select("id", value=pl.struct(MEMBER).struct.json_encode())


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


def text_lines(texts: str = "texts", *, wildcards: bool) -> pl.Expr:
    """The texts of each row as lines of one text, for trainers that draw a line.

    With several lines sd-scripts runs with wildcards, and would draw from `{a|b}` in a tag or caption, also in a post that has
    but one line: with `wildcards` braces are doubled there, which it reads as one.
    """
    joined = pl.col(texts).list.join("\n")
    if not wildcards:
        return joined
    line = pl.element()
    doubled = line.str.replace_all("{", "{{", literal=True).str.replace_all("}", "}}", literal=True)
    safe = pl.when(line.str.contains(WILDCARD)).then(doubled).otherwise(line)
    return pl.when(joined.str.contains("{", literal=True)).then(pl.col(texts).list.eval(safe).list.join("\n")).otherwise(joined)
