"""Bad outputs that a person mends: the list to edit, and what comes back."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from booruflow.captioning.parse import Parser
from booruflow.captioning.parsing.artist_sentence import with_artist
from booruflow.captioning.parsing.outcome import Bad
from booruflow.captioning.parsing.parser import parse_edited
from booruflow.core.errors import UserError
from booruflow.core.idjson import SCHEMA, read_entries
from booruflow.core.streams import Stream
from booruflow.core.tables import read_stream

Edits = dict[int, Mapping[str, Any]]


def edit_list(bad: str | Path, edited: Path) -> Stream:
    """The bad entries of a shard that the file `edited`, if it is there, does not have yet."""
    done = list(read_edited(edited)) if edited.exists() else []
    for frame in read_entries(bad):
        yield frame.filter(~pl.col("id").is_in(done))


def read_edited(path: str | Path, split: str | Path | None = None) -> Edits:
    """An edited file, in any JSON layout, by id, ascending.

    Raises:
        UserError: it is not a JSON object of ids, each once; or an id does not belong to the shard `split`.
    """
    text = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{path}: {place}: not valid JSON ({error.msg}): mend it there") from error
    if not isinstance(entries, dict):
        raise UserError(f'{path}: not an object {{"<id>": {{"text": ...}}}}: take edit_list/{Path(path).name} as a model')
    wrong = next((key for key in entries if not (key.isascii() and key.isdigit())), None)
    if wrong is not None:
        raise UserError(f"{path}: key {wrong!r}: not a post id: mend the key")
    # what was typed first would be lost: orjson takes the last of equal keys
    json.loads(text, object_pairs_hook=lambda pairs: _refuse_equal(path, [key for key, _ in pairs]))
    _refuse_equal(path, [str(int(key)) for key in entries])
    edits = {int(key): entry for key, entry in sorted(entries.items(), key=lambda item: int(item[0]))}
    if split is not None:
        ids = set(pl.concat(read_stream(split, ["id"]))["id"].to_list())
        strangers = [post for post in edits if post not in ids]
        if strangers:
            raise UserError(
                f"{path}: id {strangers[0]} is not in {split} ({len(strangers)} such): move it to the file of its shard"
                " (id % captions.shards), or drop it if its caption is no longer missing"
            )
    return edits


def _refuse_equal(path: str | Path, keys: Sequence[str]) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            raise UserError(f"{path}: key {key!r} stands {count} times: keep one")


def fixed_captions(edits: Edits, bad: str | Path, artists: Callable[[int], list[str]], parser: Parser) -> pl.DataFrame:
    """Entries `{"caption": ...}` of the edits that are captions now; those left as they were stay bad and are counted.

    Raises:
        UserError: an entry was changed and is still no caption; each is named with its reason.
    """
    before = {row["id"]: orjson.loads(row["value"]) for frame in read_entries(bad) for row in frame.iter_rows(named=True)}
    captions, untouched, still_bad = {}, [], []
    for post, entry in edits.items():
        outcome = parse_edited(entry, parser.style, parser.options)
        if not isinstance(outcome, Bad):
            typed = entry.get("caption") is not None
            caption = outcome.caption if typed else with_artist(outcome.caption, artists(post), parser.artist_sentence)
            captions[post] = orjson.dumps({"caption": caption}).decode()
        elif (
            isinstance(entry, dict) and not entry.get("caption") and post in before and entry.get("text") == before[post]["text"]
        ):
            untouched.append(post)
        else:
            still_bad.append(f"{post} ({outcome.reason})")
    if still_bad:
        raise UserError(
            f"edited entries that are still bad: {', '.join(still_bad)}: mend their text, or give a caption"
            ' as {"caption": "..."}, or take them out'
        )
    print(f"{len(captions)} fixed, {len(untouched)} not edited yet, {len(before) - len(captions.keys() & before)} still bad")
    return pl.DataFrame({"id": list(captions), "value": list(captions.values())}, schema=SCHEMA)
