"""Rule parse: raw outputs of a shard parsed to captions with their artist sentence, or to bad outputs with the reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import polars as pl

from booruflow.captioning.parsing.artist_sentence import with_artist
from booruflow.captioning.parsing.outcome import Bad, Good, Outcome
from booruflow.captioning.parsing.parser import Options, parse
from booruflow.core.errors import UserError, json_fault
from booruflow.core.files import open_input, open_whole
from booruflow.core.jobs import WARNING
from booruflow.core.tables import read_stream

Raw: TypeAlias = dict[str, Any]
"""A line of raw_{n}.jsonl: the fields of `backends.interface.Generation`, and `"fallback": true` if the fallback wrote it."""


@dataclass(frozen=True)
class ParserSettings:
    """The parser's settings: of the config section `captions`, and of the prompt's style (see `Options`)."""

    answer: str
    artist_sentence: str
    max_characters: int | None
    salvage: bool
    reasoning: Sequence[str] = ()
    prose: Sequence[str] = ()
    captions: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> Options:
        """For `booruflow.captioning.parsing`."""
        return Options(self.max_characters, self.salvage, self.reasoning, self.prose, self.captions)


def read_raw(path: str | Path) -> Iterator[Raw]:
    """The lines of a raw_{n}.jsonl.

    Raises:
        UserError: a line is anything else.
    """
    with open_input(path) as file:
        for number, line in enumerate(file, 1):
            try:
                raw = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise UserError(
                    f"{path}: line {number}: not JSON ({json_fault(error)}): delete the file and run again"
                ) from error
            if not (isinstance(raw, dict) and type(raw.get("id")) is int and _has_texts(raw)):
                raise UserError(f"{path}: line {number}: not an id with a text: delete the file and run again")
            yield raw


def _has_texts(raw: Raw) -> bool:
    return isinstance(raw.get("text"), str) and isinstance(raw.get("finish_reason"), str)


def artists_of(split: str | Path) -> Callable[[int], list[str]]:
    """A function from the id of a shard's post to its artists; a UserError for any other id."""
    artists = dict(pl.concat(read_stream(split, ["id", "artists"])).iter_rows())

    def artists_of_post(post: int) -> list[str]:
        if post not in artists:
            raise UserError(f"{split}: no post {post}, though it has an output: delete the outputs of this shard and run again")
        return [name for name in artists[post].split(", ") if name]

    return artists_of_post


def parse_raw(
    lines: Iterable[Raw], artists: Callable[[int], list[str]], settings: ParserSettings
) -> Iterator[tuple[Raw, Outcome]]:
    """Each raw output with its outcome; good captions begin with the artist sentence.

    The fallback writes prose, whatever the style.
    """
    for raw in lines:
        used = replace(settings, answer="prose", prose=(), captions={}) if "fallback" in raw else settings
        outcome = parse(raw["text"], raw["finish_reason"], used.answer, used.options)
        if isinstance(outcome, Good):
            first, *others = (
                with_artist(caption, artists(raw["id"]), settings.artist_sentence)
                for caption in (outcome.caption, *outcome.others.values())
            )
            outcome = Good(first, outcome.repaired, dict(zip(outcome.others, others, strict=True)))
        yield raw, outcome


def write_outcomes(outcomes: Iterable[tuple[Raw, Outcome]], good: str | Path, bad: str | Path) -> None:
    """Write good_{n}.json and bad_{n}.json.

    Good entries have `caption`, then the further captions of an answer that has several, then `repaired` and `fallback` where
    true; bad ones have `text`, `finish_reason` and `reason`. Prints the counts, and warns if more than half are bad.
    """
    counts = {True: 0, False: 0}
    reasons: Counter[str] = Counter()
    with open_whole(good) as good_file, open_whole(bad) as bad_file:
        for raw, outcome in outcomes:
            if isinstance(outcome, Bad):
                value = {key: raw[key] for key in ("text", "finish_reason")} | {"reason": outcome.reason}
                reasons[outcome.reason] += 1
            else:
                marks = {"repaired": outcome.repaired, "fallback": raw.get("fallback", False)}
                value = {"caption": outcome.caption, **outcome.others, **{name: True for name, is_set in marks.items() if is_set}}
            is_good = isinstance(outcome, Good)
            opening = b",\n" if counts[is_good] else b"{\n"
            (good_file if is_good else bad_file).write(b'%s"%d": %s' % (opening, raw["id"], orjson.dumps(value)))
            counts[is_good] += 1
        for file, count in ((good_file, counts[True]), (bad_file, counts[False])):
            file.write(b"\n}\n" if count else b"{\n}\n")
    print(f"{counts[True]} good, {counts[False]} bad")
    if counts[False] > counts[True]:
        reason, count = reasons.most_common(1)[0]
        print(
            f"{WARNING}{counts[False]} of {counts[True] + counts[False]} answers are bad, {count} of them {reason}: look at"
            f" {bad} and change the captioner (docs/parser.md#reasons)"
        )
