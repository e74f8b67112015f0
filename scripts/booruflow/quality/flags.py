"""Rule quality: the flags of all captions, and their counts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from booruflow.core.files import open_whole
from booruflow.core.tables import read_stream, write_stream
from booruflow.quality import characters, kinds, tokens, wording
from booruflow.quality.colours import contradicted_colours
from booruflow.quality.kinds import Kind
from booruflow.quality.matching import FLAGS
from booruflow.quality.people import contradicted_people
from booruflow.quality.settings import Settings

Check = Callable[[pl.DataFrame], pl.DataFrame]
"""A function from a frame of captions with `origin`, `general` and `character` to their flags."""


def usual_kinds(captions: Iterable[pl.DataFrame], settings: Settings) -> dict[str, Kind]:
    """What is usual for each origin; nothing where no flag asks for it, and the captions are not read."""
    return kinds.usual(captions, settings.artist_sentence) if {"short", "long", "common_opening"} & {*settings.flags} else {}


def checks(settings: Settings, usual: Mapping[str, Kind], posts: str | Path, tokenizers: Mapping[str, str | None]) -> list[Check]:
    """The checks for the flags of the settings; `tokenizers` are files by encoder, None for an estimate.

    Raises:
        UserError: a file is no such tokenizer.
    """

    def unknown() -> Check:
        names = characters.known_names(read_stream(posts, ["character", "copyright"]))
        return partial(characters.unknown_characters, names=names)

    def too_long() -> Check:
        counters = {
            encoder: (tokens.exact(path), "") if path else (tokens.estimated(encoder), "about ")
            for encoder, path in tokenizers.items()
            if {f"over_{limit}_tokens" for limit in tokens.LIMITS[encoder]} & {*settings.flags}
        }
        return partial(tokens.too_long, counters=counters)

    makers: list[tuple[set[str], Callable[[], Check]]] = [
        ({"colour_hair", "colour_eyes", "colour_clothes"}, lambda: contradicted_colours),
        ({"people_number", "people_sex"}, lambda: contradicted_people),
        ({"character_unknown"}, unknown),
        ({"character_missing"}, lambda: partial(characters.missing_characters, most=settings.named)),
        ({"repeated"}, lambda: wording.repeated_sentences),
        ({"prompt_echo"}, lambda: partial(wording.prompt_echo, phrases=wording.echo_phrases(settings.prompts))),
        ({"language"}, lambda: wording.other_languages),
        (
            {"short", "long", "common_opening"},
            lambda: partial(kinds.unusual, kinds=usual, artist_sentence=settings.artist_sentence),
        ),
        ({"over_75_tokens", "over_225_tokens", "over_512_tokens"}, too_long),
    ]
    return [maker() for flags, maker in makers if flags & {*settings.flags}]


def write_flags(
    captions: Iterable[pl.DataFrame], wanted: Iterable[str], run: Iterable[Check], path: str | Path
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Write flags.parquet; return the number of captions by origin, and of each wanted flag that by origin."""
    checked: Counter[str] = Counter()
    flagged = {flag: Counter[str]() for flag in sorted(wanted)}

    def flags() -> Iterable[pl.DataFrame]:
        yield pl.DataFrame(schema=FLAGS)
        for frame in captions:
            checked.update(dict(frame["origin"].value_counts().iter_rows()))
            found = pl.concat([check(frame).select(list(FLAGS)) for check in run]).filter(pl.col("flag").is_in(list(flagged)))
            for flag, origin, count in (
                found.join(frame.select("id", "origin"), on="id").group_by("flag", "origin").len().iter_rows()
            ):
                flagged[flag][origin] += count
            yield found.sort("id", "flag")

    write_stream(path, flags(), FLAGS)
    return dict(sorted(checked.items())), {flag: dict(sorted(counts.items())) for flag, counts in flagged.items()}


def write_counts(
    path: str | Path,
    checked: Mapping[str, int],
    flagged: Mapping[str, Mapping[str, int]],
    usual: Mapping[str, Kind],
    tokenizers: Mapping[str, str | None],
) -> None:
    """Write counts.json: captions and flags by origin, what is usual for each origin, and whether tokens were counted."""
    counts: dict[str, Any] = {
        "captions": checked,
        "flags": flagged,
        "usual": {
            origin: {"characters": [kind.shortest, kind.longest], "openings": sorted(kind.openings)}
            for origin, kind in sorted(usual.items())
        },
        "tokens": {encoder: "counted" if path else "estimated" for encoder, path in tokenizers.items()},
    }
    with open_whole(path) as file:
        file.write(orjson.dumps(counts, option=orjson.OPT_INDENT_2) + b"\n")
