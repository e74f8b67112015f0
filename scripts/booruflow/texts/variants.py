"""Several texts an image: each template filled with the parts of the post; all that are not empty, or one of them by a hash."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import orjson
import polars as pl

from booruflow.products.draws import uniform
from booruflow.texts.templates import Piece, Variants, templates_of


def filled(pieces: Sequence[Piece]) -> pl.Expr:
    """A template with the parts of each row; null where all are empty. What stands around an empty part is left out with it."""
    return pl.when(_any_part(pieces)).then(pl.concat_str(_strings(pieces), ignore_nulls=True))


def _strings(pieces: Sequence[Piece]) -> list[pl.Expr]:
    """What a template with the parts of each row is made of, null where it is left out."""
    strings = []
    for number, piece in enumerate(pieces):
        here = _any_part([piece])
        before = pl.when(_any_part(pieces[:number])).then(pl.lit(piece.before)).otherwise(pl.lit(piece.alone))
        strings += [
            pl.when(here).then(before if number else pl.lit(piece.before)),
            *([pl.col(piece.part)] if isinstance(piece.part, str) else _strings(piece.part)),
            pl.when(here).then(pl.lit(piece.after)),
        ]
    return strings


def _any_part(pieces: Sequence[Piece]) -> pl.Expr:
    """Whether a row has one of the parts."""
    return pl.any_horizontal(pl.lit(False), *(pl.col(name).is_not_null() for piece in pieces for name in piece.names()))


def all_texts(variants: Variants, *, repeated: bool) -> pl.Expr:
    """The texts of each row as a list, in the order of the config.

    With `repeated` a text stands there as often as its weight, divided by what all weights share, says: for a trainer that
    draws one. Without, equal texts stand there once.
    """
    if not repeated:
        texts = [filled(pieces) for pieces in templates_of(variants)]
        return pl.concat_list(texts).list.drop_nulls().list.unique(maintain_order=True)
    return pl.concat_list(map(filled, _by_weight(variants))).list.drop_nulls()


def joined_texts(variants: Variants, *, as_json: bool = False) -> pl.Expr:
    """The texts of each row, repeated as in `all_texts`, as lines of one text; empty if there is none.

    All is put together at once: to fill the templates first would copy each text twice. With `as_json` the parts are JSON text
    without its quotes, and the text is JSON text with them.
    """
    written = _json_inside if as_json else str
    strings: list[pl.Expr] = []
    above: list[Piece] = []
    for pieces in _by_weight(variants):
        strings.append(pl.when(_any_part(above) & _any_part(pieces)).then(pl.lit(written("\n"))))
        strings += _strings(_with_texts(pieces, written))
        above += pieces
    quote = [pl.lit('"')] * as_json
    return pl.concat_str(*quote, *strings, *quote, ignore_nulls=True)


def _with_texts(pieces: Sequence[Piece], written: Callable[[str], str]) -> tuple[Piece, ...]:
    """The pieces with the texts around parts as `written` gives them."""
    parts = [piece.part if isinstance(piece.part, str) else _with_texts(piece.part, written) for piece in pieces]
    return tuple(Piece(part, *map(written, piece[1:])) for part, piece in zip(parts, pieces, strict=True))


def _json_inside(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _by_weight(variants: Variants) -> list[list[Piece]]:
    """The templates, each as often as its weight, divided by what all weights share, says."""
    weights = [variant.get("weight", 1) for variant in variants] or [1]
    shared = math.gcd(*weights)
    return [pieces for pieces, weight in zip(templates_of(variants), weights, strict=True) for _ in range(weight // shared)]


def chosen_text(rows: pl.DataFrame, variants: Variants, seed: int) -> pl.Series:
    """One of the texts of each row that are not empty, drawn with their weights by a hash of the seed and the id."""
    texts = rows.select(filled(pieces).alias(str(number)) for number, pieces in enumerate(templates_of(variants)))
    weights = np.array([variant.get("weight", 1) for variant in variants] or [1])
    bounds = np.cumsum(~np.stack([column.is_null().to_numpy() for column in texts], axis=1) * weights, axis=1)
    draws = uniform(rows["id"].to_numpy(), seed) * bounds[:, -1]
    numbers = (draws[:, None] >= bounds).sum(axis=1)
    lists = texts.select(pl.concat_list(pl.all())).to_series()
    return lists.list.get(pl.Series(numbers), null_on_oob=True).alias("text")
