"""Rule fixed: the entries that a person edited, whatever the file and the shard, parsed again."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.parsing.artist_sentence import with_artist
from booruflow.captioning.parsing.outcome import Bad
from booruflow.captioning.parsing.parser import parse_edited
from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError, counted_noun, json_fault
from booruflow.core.files import open_input
from booruflow.core.idjson import MAX_ID_DIGITS, decode_object, find_entries, read_entries, write_entries
from booruflow.core.jobs import WARNING
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream
from booruflow.sources.tags import tag_line

DIGEST = "digest"
"""Key of an entry of the edit list: the digest of its text or caption, by which a copy that nobody changed is recognised."""

TAGS_ONLY = "tags_only"
"""Key of an entry, with the value true: this post has no caption, by choice of a person."""

FIXED = "fixed"
REPLACED = "fixed, though its output is not bad"
NOT_EDITED = "not edited"
NOT_IN_DATA_SET = "not in the data set"

BASE, GENERATED, BAD, NOTHING = "base", "generated", "bad", "nothing"
REPLACED_SOURCES = {"good": GENERATED, "bad": BAD, "skipped": "skipped", "failed": "failed"}
"""What an edit takes the place of, by the file that has the post."""

MAX_LISTED = 20
"""Ids named in a line of the log."""


@dataclass(frozen=True)
class Edit:
    """An entry of an edited file."""

    entry: Any
    """`{"text": ...}`, `{"caption": ...}` or `{"tags_only": true}`, if it is as it should be."""
    path: str


def text_digest(text: str) -> str:
    """The digest of an output, for DIGEST."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_edited(path: str | Path) -> dict[int, Any]:
    """An edited file, in any JSON layout, by id; a caption of white space alone is left out.

    Raises:
        UserError: it is not a JSON object of ids, each once.
    """
    with open_input(path) as file:
        data = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode()
        entries = orjson.loads(text)
        # orjson keeps the last of equal keys: the first edit would be lost silently
        json.loads(text, object_pairs_hook=lambda pairs: _check_unique(path, [key for key, _ in pairs]), parse_int=float)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: not UTF-8: save the file as UTF-8") from error
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"{path}: line {error.lineno}, column {error.colno}: not valid JSON ({json_fault(error)}): correct it"
        ) from error
    except RecursionError as error:
        raise UserError(f"{path}: not valid JSON (too many brackets in brackets): correct it") from error
    if not isinstance(entries, dict):
        raise UserError(f'{path}: not an object {{"<id>": {{"text": ...}}}}: start from a copy of a file of the edit list')
    for key in entries:
        if not (key.isascii() and key.isdigit() and len(key) <= MAX_ID_DIGITS):
            raise UserError(f"{path}: key {key[:40]!r}: not a post id: correct the key")
    _check_unique(path, [str(int(key)) for key in entries])
    return {int(key): _without_blank_caption(entry) for key, entry in entries.items()}


def _without_blank_caption(entry: object) -> object:
    if isinstance(entry, dict) and isinstance(entry.get("caption"), str) and not entry["caption"].strip():
        return {name: value for name, value in entry.items() if name != "caption"}
    return entry


def _check_unique(path: str | Path, keys: Sequence[str]) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            raise UserError(f"{path}: key {key[:40]!r} occurs {count} times: keep one")


def read_edits(paths: Iterable[str]) -> dict[int, list[Edit]]:
    """The entries of all edited files by id, ascending.

    Raises:
        UserError: as `read_edited`.
    """
    edits = defaultdict(list)
    for path in paths:
        for post, entry in read_edited(path).items():
            edits[post].append(Edit(entry, path))
    return dict(sorted(edits.items()))


def read_bad_texts(paths: Iterable[str], ids: Collection[int]) -> tuple[dict[int, str], int]:
    """The bad outputs of the posts `ids`, from all bad_{n}.json, and the number of bad outputs of all posts."""
    wanted, texts, total = pl.Series(list(ids), dtype=pl.Int64).implode(), {}, 0
    for path in paths:
        for frame in read_entries(path):
            total += len(frame)
            for post, value in frame.filter(pl.col("id").is_in(wanted)).iter_rows():
                texts[post] = decode_object(path, post, value, "text")["text"]
    return texts, total


def read_artists(posts: str | Path, ids: Collection[int]) -> dict[int, list[str]]:
    """The artists of those posts `ids`, ascending, that are in the data set (the table `posts`), as in `split_{n}.parquet`."""
    if not ids:
        return {}
    rows = semi_join(read_stream(posts, ["id", "artist"]), [pl.DataFrame({"id": list(ids)}, schema={"id": pl.Int64})])
    lines = pl.concat(rows).select("id", artists=tag_line(["artist"], ", ").fill_null(""))
    return {post: [name for name in line.split(", ") if name] for post, line in lines.iter_rows()}


def is_edited(entry: object, bad_text: str | None = None) -> bool:
    """False if an entry is as it was: an output (of the list, or the present bad one) with no caption, or a flagged caption."""
    if not isinstance(entry, dict) or is_tags_only(entry):
        return True
    text, caption = entry.get("text"), entry.get("caption")
    if text is None and isinstance(caption, str):
        return entry.get(DIGEST) != text_digest(caption)
    is_output = isinstance(text, str) and (text == bad_text or entry.get(DIGEST) == text_digest(text))
    return caption is not None or not is_output


def is_tags_only(entry: object) -> bool:
    """Whether an entry says that its post has no caption."""
    return isinstance(entry, dict) and entry.get(TAGS_ONLY) is True


def chosen_edits(edits: Mapping[int, Sequence[Edit]], bad_texts: Mapping[int, str]) -> dict[int, Edit]:
    """Of the entries of each id one that is edited; ids without one are left out.

    Raises:
        UserError: an id is edited in two files in different ways.
    """
    chosen = {}
    for post, candidates in edits.items():
        edited = [edit for edit in candidates if is_edited(edit.entry, bad_texts.get(post))]
        for other in edited[1:]:
            if _content(other.entry) != _content(edited[0].entry):
                raise UserError(
                    f"{edited[0].path} and {other.path}: id {post} is edited in both, differently: keep one of the two"
                )
        if edited:
            chosen[post] = edited[0]
    return chosen


def _content(entry: object) -> object:
    return [is_tags_only(entry), entry.get("caption"), entry.get("text")] if isinstance(entry, dict) else entry


def fixed_captions(edits: Mapping[int, Edit], artists: Mapping[int, Sequence[str]], settings: ParserSettings) -> dict[int, str]:
    """The captions of the edits of those posts that are in `artists`; "" for a post that is to have none.

    Raises:
        UserError: entries give no caption; they are listed, each with its file and the reason.
    """
    captions, still_bad = {}, []
    for post, edit in edits.items():
        if post not in artists:
            continue
        if is_tags_only(edit.entry):
            if edit.entry.get("caption") is None:
                captions[post] = ""
            else:
                still_bad.append(f"{post} ({edit.path}: {TAGS_ONLY} with a caption)")
            continue
        outcome = parse_edited(edit.entry, settings.answer, settings.options)
        if isinstance(outcome, Bad):
            still_bad.append(f"{post} ({edit.path}: {outcome.reason})")
        elif isinstance(edit.entry.get("caption"), str):
            captions[post] = outcome.caption
        else:
            captions[post] = with_artist(outcome.caption, artists[post], settings.artist_sentence)
    if still_bad:
        raise UserError(
            f"edited entries that are still bad: {_listed(still_bad)}: correct their text, or give a caption"
            ' as {"caption": "..."}, or remove them'
        )
    return captions


def read_replaced(ids: Collection[int], base: str | Path, shards: Mapping[str, Sequence[str]]) -> dict[int, str]:
    """What each of the ids would have without an edit: REPLACED_SOURCES[kind], or NOTHING.

    Args:
        ids: posts.
        base: the base captions, of which only the lines of the ids are read.
        shards: for each of good, bad, skipped and failed its files of all shards; none where no captions are generated.
    """
    posts = np.array(sorted(ids), np.int64)
    found = dict.fromkeys(posts.tolist(), NOTHING) | dict.fromkeys(find_entries(base, ids), BASE)
    for kind, paths in shards.items():
        numbers = shard_of(posts, len(paths)) if paths else posts
        for number, path in enumerate(paths):
            found |= dict.fromkeys(find_entries(path, posts[numbers == number].tolist()), REPLACED_SOURCES[kind])
    return found


def edit_outcomes(
    edits: Mapping[int, Sequence[Edit]], chosen: Mapping[int, Edit], captions: Collection[int], replaced: Mapping[int, str]
) -> dict[int, dict[str, str]]:
    """What became of each edited id: its `outcome` (FIXED, REPLACED, NOT_EDITED, NOT_IN_DATA_SET) and the `file`.

    An edit that is used also says what it `replaced`, by `read_replaced`.
    """

    def outcome(post: int) -> str:
        if post not in chosen:
            return NOT_EDITED
        if post not in captions:
            return NOT_IN_DATA_SET
        return FIXED if replaced[post] == BAD else REPLACED

    def source(post: int) -> dict[str, str]:
        return {"replaced": replaced[post]} if post in chosen and post in captions else {}

    return {
        post: {"outcome": outcome(post), "file": chosen.get(post, first).path, **source(post)}
        for post, (first, *_) in edits.items()
    }


def print_outcomes(outcomes: Mapping[int, Mapping[str, str]], bad: int) -> None:
    """Print the counts, given the number of all bad outputs, and warn of edits that may have become needless."""
    ids = defaultdict(list)
    for post, entry in outcomes.items():
        ids[entry["outcome"]].append(post)
    over_good = [post for post, entry in outcomes.items() if entry.get("replaced") == GENERATED]
    fixed, replaced = len(ids[FIXED]), len(ids[REPLACED])
    used, copies = counted_noun(fixed + replaced, "edit"), counted_noun(len(ids[NOT_EDITED]), "entry", "entries")
    print(f"{used} used, {copies} not edited yet, {counted_noun(bad - fixed, 'bad answer')} without an edit")
    sources = Counter(entry["replaced"] for entry in outcomes.values() if "replaced" in entry)
    if sources:
        print(f"edits take the place of: {', '.join(f'{count} {source}' for source, count in sorted(sources.items()))}")
    for posts, remark in (
        (over_good, "edited, though their output is good (now); the edit takes precedence"),
        (ids[NOT_IN_DATA_SET], "edited, but not in the data set; not used"),
    ):
        if posts:
            print(f"{WARNING}{remark}: {_listed(posts)}")


def _listed(items: Sequence[object]) -> str:
    rest = f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return ", ".join(map(str, items[:MAX_LISTED])) + rest


def write_fixed(captions: Mapping[int, str], paths: Sequence[str]) -> None:
    """Write fixed_{n}.json: the captions, ascending by id, of shard n of len(paths)."""
    values = [orjson.dumps({"caption": caption}).decode() for caption in captions.values()]
    entries = pl.DataFrame({"id": list(captions), "value": values}, schema={"id": pl.Int64, "value": pl.String})
    shards = shard_of(entries["id"].to_numpy(), len(paths))
    for number, path in enumerate(paths):
        write_entries(path, [entries.filter(shards == number)])


def write_outcomes(path: str | Path, outcomes: Mapping[int, Mapping[str, str]]) -> None:
    """Write edits.json, ascending by id."""
    values = [orjson.dumps(entry).decode() for entry in outcomes.values()]
    write_entries(path, [pl.DataFrame({"id": list(outcomes), "value": values}, schema={"id": pl.Int64, "value": pl.String})])
