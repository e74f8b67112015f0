"""Several texts an image: each template filled with the parts of the post; all that are not empty, or one of them by a hash."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from booruflow.products.selection import uniform
from booruflow.texts.templates import Piece, Variants, templates_of


def filled(pieces: Sequence[Piece]) -> pl.Expr:
    """A template with the parts of each row; null where all are empty. What stands around an empty part is left out with it."""
    texts = []
    for number, piece in enumerate(pieces):
        here = pl.col(piece.part).is_not_null()
        earlier = pl.any_horizontal(pl.lit(False), *(pl.col(each.part).is_not_null() for each in pieces[:number]))
        before = pl.when(earlier).then(pl.lit(piece.before)).otherwise(pl.lit(piece.alone)) if number else pl.lit(piece.before)
        texts.append(pl.when(here).then(pl.concat_str(before, piece.part, pl.lit(piece.after))))
    text = pl.concat_str(texts, ignore_nulls=True)
    return pl.when(pl.any_horizontal(*(pl.col(piece.part).is_not_null() for piece in pieces))).then(text)


def all_texts(variants: Variants, *, repeated: bool) -> pl.Expr:
    """The texts of each row as a list, in the order of the config.

    With `repeated` a text stands there as often as its weight, divided by what all weights share, says: for a trainer that
    draws one. Without, equal texts stand there once.
    """
    if not repeated:
        texts = [filled(pieces) for pieces in templates_of(variants)]
        return pl.concat_list(texts).list.drop_nulls().list.unique(maintain_order=True)
    return pl.concat_list(_by_weight(variants)).list.drop_nulls()


def joined_texts(variants: Variants) -> pl.Expr:
    """The texts of each row, repeated as in `all_texts`, as lines of one text; empty if there is none."""
    return pl.concat_str(_by_weight(variants), separator="\n", ignore_nulls=True)


def _by_weight(variants: Variants) -> list[pl.Expr]:
    texts = [filled(pieces) for pieces in templates_of(variants)]
    weights = [variant.get("weight", 1) for variant in variants] or [1]
    shared = math.gcd(*weights)
    return [text for text, weight in zip(texts, weights, strict=True) for _ in range(weight // shared)]


def chosen_text(rows: pl.DataFrame, variants: Variants, seed: int) -> pl.Series:
    """One of the texts of each row that are not empty, drawn with their weights by a hash of the seed and the id."""
    texts = rows.select(filled(pieces).alias(str(number)) for number, pieces in enumerate(templates_of(variants)))
    weights = np.array([variant.get("weight", 1) for variant in variants] or [1])
    bounds = np.cumsum(~np.stack([column.is_null().to_numpy() for column in texts], axis=1) * weights, axis=1)
    draws = uniform(rows["id"].to_numpy(), seed) * bounds[:, -1]
    numbers = (draws[:, None] >= bounds).sum(axis=1)
    lists = texts.select(pl.concat_list(pl.all())).to_series()
    return lists.list.get(pl.Series(numbers), null_on_oob=True).alias("text")
