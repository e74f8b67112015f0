"""The products of a data set, read by place while they may be absent, or being built, or replaced between two reads.

Each lookup opens its files anew: a product is replaced as a whole, so an open file is an old or a new one, never a part.
"""

import io
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson

from booruflow.captioning.shards import shard_of
from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_input
from booruflow.core.idjson import find_entries, line_from, offset_of
from booruflow.review.reading.settings import Settings
from booruflow.sources.images.names import name_pattern

Entry = Mapping[str, Any]
T = TypeVar("T")
READ_BYTES = 4 << 20
"""Bytes read at a time when a file is searched."""
END = 10**18
"""More than any id."""

# the rule that makes each product, for who finds it missing
RULES = {
    "results/posts/posts.parquet": "posts",
    "results/images/images.parquet": "images",
    "results/resolutions/resolutions.parquet": "resolutions",
    "results/captions/meta_cap_base.json": "base_captions",
    "results/tags/meta_cap_dd.json": "tags_json",
    "results/meta_cap.json": "meta_cap",
    "results/meta_lat.json": "meta_lat",
}
_RAW_ID = re.compile(rb'\{"id":(\d{1,18})\b')


class Products:
    """Lookups in the products of a data set. What cannot be read counts as absent, and is named in `problems`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.problems: dict[str, str] = {}
        """What was found damaged, by file; taken out when the file is whole again."""
        self._image_id = re.compile(name_pattern(settings.config["inputs"]["image_name"]).encode() + rb'"')

    def path(self, name: str) -> Path:
        """A product by its name relative to the data set."""
        return self.folder / name

    def shard_files(self, kind: str) -> list[str]:
        """The names of one outcome of all shards, such as good; fixed is there also where nothing is generated."""
        count = self.settings.all_shards if kind == "fixed" else self.settings.shards
        suffix = "jsonl" if kind == "raw" else "json"
        return [f"results/captions/{kind}_{n}.{suffix}" for n in range(count)]

    def missing(self) -> list[str]:
        """One line for each product that is not there, and for each that was found damaged."""
        lines = [f"{name} is missing: snakemake {rule}" for name, rule in RULES.items() if not self.path(name).exists()]
        good = self.shard_files("good")
        absent = sum(not self.path(name).exists() for name in good)
        if absent:
            lines.append(f"captions of {absent} of {counted_noun(len(good), 'shard')} not parsed yet: snakemake meta_cap")
        return lines + list(self.problems.values())

    def entries(self, name: str, ids: Collection[int]) -> dict[int, Entry]:
        """The entries of those ids that a file keyed by id has."""

        def read() -> dict[int, Entry]:
            return {post: _object(value) for post, value in find_entries(self.path(name), ids).items()}

        return self.tried(name, read) or {}

    def shard_entries(self, kind: str, ids: Collection[int]) -> dict[int, tuple[str, Entry]]:
        """The entries that an outcome of the shards has of those ids, each with the name of its file."""
        names, of_file = self.shard_files(kind), defaultdict(list)
        if not names:
            return {}
        for post, shard in zip(ids, shard_of(np.array([*ids], np.int64), len(names)).tolist(), strict=True):
            of_file[names[shard]].append(post)
        return {post: (name, entry) for name, some in of_file.items() for post, entry in self.entries(name, some).items()}

    def raw(self, post: int, shard: int) -> Entry | None:
        """The line of a post in raw_{n}.jsonl."""
        return self._line(f"results/captions/raw_{shard}.jsonl", post, _raw_id, lambda line: line)

    def meta_lat(self, post: int) -> Entry | None:
        """What the trainer reads of a post, from meta_lat.json: its keys are ids, or paths that hold the id."""
        key = self.settings.config["meta_lat"]["key"]
        pattern = re.compile(rb'"(\d+)"') if key == "id" else self._image_id

        def id_of(line: bytes) -> int:
            if line in (b"{\n", b"}\n"):
                return -1 if line == b"{\n" else END
            found = pattern.search(line, 0, line.index(b'": {') + 1)
            return int(found[1]) if found else _raise(line)

        return self._line("results/meta_lat.json", post, id_of, lambda line: line[line.index(b'": {') + 3 :].rstrip(b",\n"))

    def _line(self, name: str, post: int, id_of: Callable[[bytes], int], value_of: Callable[[bytes], bytes]) -> Entry | None:
        def read() -> Entry | None:
            with open_input(self.path(name)) as file:
                line = line_from(file, offset_of(file, post, id_of))
            return _object(value_of(line)) if line and id_of(line) == post else None

        return self.tried(name, read)

    def ids_between(self, name: str, low: int, high: int, text: str = "", contains: bytes = b"") -> list[int]:
        """The ids from `low` to `high`, both included, of the entries of a file, ascending.

        With `text` only those whose caption or text has it, ASCII letters in any case; with `contains` those whose line, in
        lower case, has these bytes.
        """
        needle = orjson.dumps(text)[1:-1].lower() if text else contains
        return self.tried(name, lambda: list(self._ids_between(name, low, high, text, needle))) or []

    def _ids_between(self, name: str, low: int, high: int, text: str, needle: bytes) -> Iterator[int]:
        wanted = _lower(text)
        with open_input(self.path(name)) as file:
            start, end = offset_of(file, low), offset_of(file, high + 1)
            file.seek(start)
            while start < end:
                block = file.read(min(READ_BYTES, end - start)) + file.readline()
                block = block[: end - start]
                if not block:
                    return
                start += len(block)
                if needle and needle not in block.lower():
                    continue
                for line in io.BytesIO(block):
                    if line[:1] == b'"' and needle in line.lower():
                        key = line.index(b'"', 1)
                        if not text or wanted in _lower(_text_of(_object(line[key + 3 :].rstrip(b",\n")))):
                            yield int(line[1:key])

    def tried(self, name: str, read: Callable[[], T]) -> T | None:
        """What `read` returns; None if the product is absent or damaged, which `problems` says."""
        try:
            value = read()
        except (UserError, ValueError, TypeError, KeyError, AttributeError) as error:
            self.problems.pop(name, None)
            if self.path(name).exists():
                self.problems[name] = str(error) if isinstance(error, UserError) else f"{name}: damaged: build it again"
            return None
        self.problems.pop(name, None)
        return value


def _object(text: str | bytes) -> Entry:
    value = orjson.loads(text)
    return value if isinstance(value, dict) else _raise(text)


def _text_of(entry: Entry) -> str:
    """What a person searches in: the caption, or the text of a bad output."""
    return str(entry.get("caption", entry.get("text", "")))


def _lower(text: str) -> str:
    """ASCII letters in lower case, as `bytes.lower` does."""
    return text.encode("utf-8", "replace").lower().decode()


def _raw_id(line: bytes) -> int:
    found = _RAW_ID.match(line)
    return int(found[1]) if found else int(_object(line)["id"])


def _raise(text: str | bytes) -> Any:  # noqa: ANN401
    raise ValueError(text[:40])
