"""posts.parquet and other tables sorted by id, read by row groups: some rows by their place or by their ids."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from booruflow.core.errors import first_line
from booruflow.core.streams import ROWS

READ_BYTES = 1 << 20
"""Bytes of a column read at a time: without it, all of a row group."""


@dataclass(frozen=True)
class Group:
    """A row group: its number, the place of its first row, its rows, and its first and last id."""

    number: int
    first: int
    rows: int
    low: int
    high: int


class SortedTable:
    """A table with ascending ids; each read opens it anew and sees the whole old file or the whole new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        """Why the last read found the table damaged."""

    def groups(self) -> list[Group]:
        """The row groups that have rows, from the footer; none if there is no table."""
        with self._opened() as table:
            return _groups(table) if table else []
        return []

    def count(self) -> int:
        """The number of rows; 0 if there is no table."""
        with self._opened() as table:
            return int(table.metadata.num_rows) if table else 0
        return 0

    def rows(self, columns: Sequence[str], first: int, count: int) -> pl.DataFrame:
        """Rows by place, ascending by id; fewer at the end. Columns that the table lacks are left out."""
        parts = [pl.DataFrame()]
        with self._opened() as table:
            for group in _groups(table) if table else ():
                skip, stop = max(first - group.first, 0), min(first + count - group.first, group.rows)
                if table and skip < stop:
                    parts += _slice(table, group.number, columns, skip, stop)
        return pl.concat(parts[1:] or parts)

    def row(self, post: int) -> dict[str, Any] | None:
        """All columns of one row."""
        with self._opened() as table:
            if table and (place := _place(table, post)) and place[2]:
                group, at, _ = place
                for frame in _slice(table, group.number, table.schema_arrow.names, at, at + 1):
                    return frame.row(0, named=True)
        return None

    def rows_of(self, ids: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """The rows of some ids, ascending; ids that are not in the table are left out."""
        parts, wanted = [pl.DataFrame()], np.array(ids, np.int64)
        for group in self.groups():
            some = wanted[(wanted >= group.low) & (wanted <= group.high)]
            if len(some):
                parts += [frame.filter(pl.col("id").is_in(some.tolist())) for frame in self.group_rows(group, columns)]
        return pl.concat(parts[1:] or parts)

    def place(self, post: int) -> int:
        """The place of the first row whose id is `post` or greater; the number of rows if there is none."""
        with self._opened() as table:
            if not table:
                return 0
            found = _place(table, post)
            return found[0].first + found[1] if found else int(table.metadata.num_rows)
        return 0

    def group_rows(self, group: Group, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows of a group in parts of at most ROWS; none if the table has changed since `groups`."""
        with self._opened() as table:
            if table and group in _groups(table):
                yield from _slice(table, group.number, columns, 0, group.rows)

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile | None]:
        """The table; None if there is none. A damaged one ends the block, and `problem` says so."""
        self.problem = ""
        try:
            table = pq.ParquetFile(self.path, pre_buffer=False, buffer_size=READ_BYTES)
        except FileNotFoundError:
            yield None
            return
        except (pa.ArrowException, OSError) as error:
            self.problem = self._problem(error)
            yield None
            return
        try:
            with table:
                yield table
        except (pa.ArrowException, OSError) as error:
            self.problem = self._problem(error)

    def _problem(self, error: Exception) -> str:
        return f"{self.path}: damaged ({first_line(error)}): build it again"


def _groups(table: pq.ParquetFile) -> list[Group]:
    parts = [table.metadata.row_group(number) for number in range(table.metadata.num_row_groups)]
    firsts = accumulate((part.num_rows for part in parts), initial=0)
    column = table.schema_arrow.names.index("id")
    groups = []
    for number, (part, first) in enumerate(zip(parts, firsts, strict=False)):
        if part.num_rows:
            statistics = part.column(column).statistics
            groups.append(Group(number, first, part.num_rows, statistics.min, statistics.max))
    return groups


def _place(table: pq.ParquetFile, post: int) -> tuple[Group, int, bool] | None:
    """The group and the row in it of the first id that is `post` or greater, and whether it is `post`."""
    groups = _groups(table)
    number = bisect_left([group.high for group in groups], post)
    if number == len(groups):
        return None
    ids: NDArray[np.int64] = _ids(table, groups[number].number)
    at = int(np.searchsorted(ids, post))
    return groups[number], at, bool(ids[at] == post)


def _ids(table: pq.ParquetFile, group: int) -> NDArray[np.int64]:
    frame = pl.from_arrow(table.read_row_group(group, ["id"]))  # arrow's own to_numpy would import pandas, which takes seconds
    assert isinstance(frame, pl.DataFrame)
    return frame["id"].to_numpy()


def _slice(table: pq.ParquetFile, group: int, columns: Sequence[str], skip: int, stop: int) -> list[pl.DataFrame]:
    """The rows from `skip` to `stop` of a row group; what is before them is decoded and dropped, a batch at a time."""
    names, parts, at = [name for name in table.schema_arrow.names if name in columns], [], 0
    for batch in table.iter_batches(ROWS, row_groups=[group], columns=names, use_threads=False):
        first, last = max(skip - at, 0), min(stop - at, len(batch))
        if first < last:
            frame = pl.from_arrow(batch.slice(first, last - first))
            assert isinstance(frame, pl.DataFrame)
            parts.append(frame)
        at += len(batch)
        if at >= stop:
            break
    return parts
