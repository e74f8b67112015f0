"""How many images a folder has, and the form of their names, guessed from some of them and the ids of the metadata."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from booruflow.core.errors import UserError
from booruflow.sources.images.finding import files_below
from booruflow.sources.images.names import EXTENSIONS, name_pattern
from booruflow.sources.images.tars import tar_members
from booruflow.sources.inputs import is_csv

PLAIN = "{id}"

MAX_NAMES = 2_000
"""Names that are looked at in each folder."""

MAX_CSV_ROWS = 1_000_000
"""Rows of a CSV file whose ids are read; of parquet all are, since ids are a column of their own there."""

_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,18}(?![0-9])")
_MD5 = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")


@dataclass(frozen=True)
class ImageNames:
    """A template for inputs.image_name, the number of names looked at, and how many of them have an id of the metadata."""

    template: str
    looked_at: int
    of_posts: int


def guess_image_name(names: Sequence[str], metadata: Sequence[str], id_column: str) -> ImageNames:
    """The form of names that finds the most posts, PLAIN if none finds more than that.

    Args:
        names: paths of images.
        metadata: tables of posts.
        id_column: the column of their ids.
    """
    ids = _ids_among({int(number) for name in names for number in _NUMBER.findall(_stem(name))}, metadata, id_column)
    found = {each: _count(each, names, ids) for each in (PLAIN, *_templates([_stem(name) for name in names], ids))}
    best = max(found, key=lambda each: found[each])
    return ImageNames(best, len(names), found[best])


def look_into(folder: str, most: int) -> tuple[int, list[str]]:
    """How many images are below a folder, counted up to `most`, and the paths of at most MAX_NAMES of them.

    In each tar there are taken to be as many as in the first one, whose names are given where no image lies outside tars.
    """
    found = list(islice(_images_and_tars(folder), most))
    tars = [name for name in found if _extension(name) == "tar"]
    loose = [name for name in found if _extension(name) != "tar"]
    packed = list(islice(_images_in(folder, min(tars)), most)) if tars else []
    return min(len(loose) + len(tars) * len(packed), most), (loose or packed)[:MAX_NAMES]


def _images_and_tars(folder: str) -> Iterator[str]:
    return (name for name, _ in files_below(folder, lambda _: None) if _extension(name) in (*EXTENSIONS, "tar"))


def _images_in(folder: str, tar: str) -> Iterator[str]:
    with suppress(UserError):  # of a damaged tar, which the workflow names
        yield from (name for name in tar_members(Path(folder, tar)) if _extension(name) in EXTENSIONS)


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _ids_among(numbers: Collection[int], metadata: Sequence[str], id_column: str) -> set[int]:
    """Those of the numbers that are ids of posts."""
    import numpy as np
    import polars as pl
    from tqdm import tqdm

    from booruflow.sources.tables.columns import Column, Place, post_ids
    from booruflow.sources.tables.csv_rows import CsvFile, csv_batches, csv_header
    from booruflow.sources.tables.sorted_rows import table_ids

    wanted, found = np.array(sorted(numbers), np.int64), set[int]()
    for path in metadata if len(wanted) else ():
        with suppress(UserError):  # of broken rows, which the workflow names
            if not is_csv(path):
                found.update(np.intersect1d(table_ids(path, id_column), wanted).tolist())
                continue
            with tqdm(disable=True) as bar, CsvFile(path, bar) as file:
                column, rows = [Column("id", id_column, pl.Int64)], 0
                header, has_rows = csv_header(path, file, column)
                for batch in csv_batches(path, file, header, column) if has_rows else ():
                    ids = post_ids(batch.column(id_column), id_column, Place(path, rows))
                    found.update(np.intersect1d(ids.to_numpy(), wanted).tolist())
                    rows += len(batch)
                    if rows >= MAX_CSV_ROWS:
                        break
    return found


def _templates(stems: Sequence[str], ids: Collection[int]) -> Iterator[str]:
    """Forms of those names that have an id at the same place, counted in numbers from the start or from the end.

    They are that of all these names, and those of the names that are alike before or after the id.
    """
    matches = [list(_NUMBER.finditer(stem)) for stem in stems]
    places = [[(k, k - len(numbers)) for k, number in enumerate(numbers) if int(number[0]) in ids] for numbers in matches]
    counts = Counter(place for found in places for pair in found for place in pair)
    if not counts:
        return
    place = counts.most_common(1)[0][0]
    found = [numbers[place] for numbers, pairs in zip(matches, places, strict=True) if any(place in pair for pair in pairs)]
    if 2 * len({int(number[0]) for number in found}) <= len(found):  # a number that many names share is no id
        return
    parts = [(number.string[: number.start()], number.string[number.end() :]) for number in found]
    usual = [Counter(side).most_common(1)[0][0] for side in zip(*parts, strict=True)]
    for alike in (parts, [pair for pair in parts if pair[0] == usual[0]], [pair for pair in parts if pair[1] == usual[1]]):
        before, after = (list(side) for side in zip(*alike, strict=True))
        template = f"{_form(before, keep_end=True)}{PLAIN}{_form(after, keep_end=False)}"
        with suppress(UserError):  # nothing fixed stands beside the id
            name_pattern(template)
            yield template


def _form(texts: Sequence[str], *, keep_end: bool) -> str:
    """What texts have in common at both ends, up to a separator, with `{text}` or `{md5}` between; `keep_end`: the end first."""
    if len(set(texts)) == 1:
        return _MD5.sub("{md5}", texts[0])
    room = min(map(len, texts)) - 1
    start = re.sub(r"[0-9A-Za-z]+\Z", "", os.path.commonprefix(texts))  # noqa: RUF071 (characters are meant)
    end = re.sub(r"\A[0-9A-Za-z]+", "", os.path.commonprefix([text[::-1] for text in texts])[::-1])  # noqa: RUF071
    if keep_end:
        end = end[max(len(end) - room, 0) :]
        start = start[: room - len(end)]
    else:
        start = start[:room]
        end = end[max(len(end) - (room - len(start)), 0) :]
    rests = [text[len(start) : len(text) - len(end)] for text in texts]
    return f"{start}{{{'md5' if all(map(_MD5.fullmatch, rests)) else 'text'}}}{end}"


def _count(template: str, names: Sequence[str], ids: Collection[int]) -> int:
    pattern = re.compile(name_pattern(template) + r"\Z")
    return sum(1 for name in names if (match := pattern.search(name)) and int(match[1]) in ids)
