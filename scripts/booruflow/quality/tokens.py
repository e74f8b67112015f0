"""Token counts of captions for CLIP and T5: exact with the tokenizer's file, otherwise estimated."""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from booruflow.core.errors import UserError, first_line
from booruflow.quality.matching import FLAGS

LIMITS = {"clip": (75, 225), "t5": (512,)}
"""Tokens that a text encoder reads, without start and end: CLIP once, or three times with sd-scripts; T5 with Flux."""

ESTIMATES = {"clip": (0.468, 0.652, 0.113), "t5": (0.319, 1.02, 0.168)}
"""Tokens for each word, each punctuation mark and each byte: fits to captions, see docs/quality.md."""

CACHED_WORDS = 1 << 20

MEASURES = {
    "words": pl.col("caption").str.count_matches(" ", literal=True) + 1,
    "marks": pl.col("caption").str.count_matches(r"(?-u)[!-/:-@\[-`{-~]"),
    "size": pl.col("caption").str.len_bytes(),
}

Counter = Callable[[pl.DataFrame], pl.Series]
"""A function from captions with MEASURES to their numbers of tokens."""


def estimated(encoder: str) -> Counter:
    """The number of tokens by ESTIMATES."""
    total = pl.sum_horizontal(weight * pl.col(name) for weight, name in zip(ESTIMATES[encoder], MEASURES, strict=True))
    return lambda measured: measured.select(total.round().cast(pl.Int64)).to_series()


def exact(path: str | Path) -> Counter:
    """The number of tokens by a `tokenizer.json`, without start and end tokens.

    CLIP and T5 never join characters across a space, so each different word is tokenized once.

    Raises:
        UserError: the file is not such a tokenizer, or the package tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UserError("quality: token counts need the package tokenizers: pip install tokenizers") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises Exception itself
        raise UserError(f"{path}: not a tokenizer.json ({first_line(error)}): download it again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def sizes(texts: list[str]) -> list[int]:
        return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]

    probe = "A girl's well-known café, 12.5 m away: ok?"
    if sizes([probe]) != [sum(sizes(probe.split(" ")))]:
        raise UserError(
            f"{path}: not a tokenizer of CLIP or T5, whose tokens end at spaces: give theirs, or null for an estimate"
        )
    known: dict[str, int] = {}

    def count(measured: pl.DataFrame) -> pl.Series:
        words = measured.select(text=pl.int_range(pl.len()), word=pl.col("caption").str.split(" ")).explode("word")
        if len(known) > CACHED_WORDS:
            known.clear()
        different = words["word"].unique().to_list()
        new = [word for word in different if word not in known]
        known.update(zip(new, sizes(new), strict=True))
        table = pl.DataFrame({"word": different, "size": [known[word] for word in different]})
        return words.join(table, on="word").group_by("text").agg(pl.sum("size")).sort("text")["size"]

    return count


def too_long(frame: pl.DataFrame, counters: Mapping[str, tuple[Counter, str]]) -> pl.DataFrame:
    """Flags `over_75_tokens`, `over_225_tokens` (CLIP) and `over_512_tokens` (T5).

    `counters` has for each encoder a function and how its number is introduced, such as "about ".
    """
    measured = frame.select("id", "caption", **MEASURES)
    flags = [pl.DataFrame(schema=FLAGS)]
    for encoder, (count, about) in counters.items():
        counted = measured.select("id", tokens=count(measured))
        detail = pl.format("{}{} tokens", pl.lit(about), "tokens")
        for limit in LIMITS[encoder]:
            over = counted.filter(pl.col("tokens") > limit)
            flags.append(over.select("id", flag=pl.lit(f"over_{limit}_tokens"), detail=detail))
    return pl.concat(flags)
