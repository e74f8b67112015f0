"""Rule fixed: the bad outputs that a person edited, parsed again."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import polars as pl

from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.parsing.artist_sentence import with_artist
from booruflow.captioning.parsing.outcome import Bad
from booruflow.captioning.parsing.parser import parse_edited
from booruflow.core.errors import UserError
from booruflow.core.idjson import read_entries
from booruflow.core.tables import read_stream

Edits: TypeAlias = dict[int, Mapping[str, Any]]


def read_edited(path: str | Path, split: str | Path | None = None) -> Edits:
    """An edited file, in any JSON layout, by id, ascending.

    Raises:
        UserError: it is not a JSON object of ids, each once; or an id does not belong to the shard `split`.
    """
    text = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UserError(f"{path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}): correct it") from error
    if not isinstance(entries, dict):
        raise UserError(f'{path}: not an object {{"<id>": {{"text": ...}}}}: start from a copy of edit_list/{Path(path).name}')
    no_id = next((key for key in entries if not (key.isascii() and key.isdigit())), None)
    if no_id is not None:
        raise UserError(f"{path}: key {no_id!r}: not a post id: correct the key")
    # orjson keeps the last of equal keys: the first edit would be lost silently
    json.loads(text, object_pairs_hook=lambda pairs: _check_unique(path, [key for key, _ in pairs]))
    _check_unique(path, [str(int(key)) for key in entries])
    edits = {int(key): entry for key, entry in sorted(entries.items(), key=lambda item: int(item[0]))}
    if split is not None:
        shard_ids = set(pl.concat(read_stream(split, ["id"]))["id"].to_list())
        unknown = [post for post in edits if post not in shard_ids]
        if unknown:
            raise UserError(
                f"{path}: id {unknown[0]} is not in {split} ({len(unknown)} such): move it to the file of its shard"
                " (id % captions.shards), or remove it if its caption is no longer missing"
            )
    return edits


def _check_unique(path: str | Path, keys: Sequence[str]) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            raise UserError(f"{path}: key {key!r} occurs {count} times: keep one")


def fixed_captions(edits: Edits, bad: str | Path, artists: Callable[[int], list[str]], settings: ParserSettings) -> pl.DataFrame:
    """Entries `{"caption": ...}` of the edits that parse now; unchanged entries stay bad and are counted.

    Raises:
        UserError: an entry was changed and still gives no caption; each is listed with its reason.
    """
    bad_texts = {id_: orjson.loads(value)["text"] for frame in read_entries(bad) for id_, value in frame.iter_rows()}
    captions, unchanged, still_bad = {}, 0, []
    for post, entry in edits.items():
        outcome = parse_edited(entry, settings.style, settings.options)
        if not isinstance(outcome, Bad):
            is_typed = entry.get("caption") is not None
            caption = outcome.caption
            captions[post] = caption if is_typed else with_artist(caption, artists(post), settings.artist_sentence)
        elif _is_unchanged(entry, bad_texts.get(post)):
            unchanged += 1
        else:
            still_bad.append(f"{post} ({outcome.reason})")
    if still_bad:
        raise UserError(
            f"edited entries that are still bad: {', '.join(still_bad)}: correct their text, or give a caption"
            ' as {"caption": "..."}, or remove them'
        )
    print(f"{len(captions)} fixed, {unchanged} not edited yet, {len(bad_texts.keys() - captions.keys())} still bad")
    values = [orjson.dumps({"caption": caption}).decode() for caption in captions.values()]
    return pl.DataFrame({"id": list(captions), "value": values}, schema={"id": pl.Int64, "value": pl.String})


def _is_unchanged(entry: object, bad_text: str | None) -> bool:
    """True if an edited entry still has the text of the bad output, and no caption."""
    return bad_text is not None and isinstance(entry, dict) and not entry.get("caption") and entry.get("text") == bad_text
