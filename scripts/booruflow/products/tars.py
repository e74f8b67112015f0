"""Tars of texts by `id % count`, one member a post, written in one pass, each with its index.

The tars are plain ustar, byte for byte what the standard tarfile writes with `format=USTAR_FORMAT` for members in
ascending order of id, with mtime 0, mode 0644, uid and gid 0 and empty owner names. So equal input gives equal bytes.
"""

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tarfile import BLOCKSIZE
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import flush_to_disk, sync_folder, writing
from booruflow.core.idjson import Ints, decode_json_text, joined_bytes, member_json_text
from booruflow.core.progress import progress
from booruflow.core.streams import Stream, prefetched
from booruflow.core.whitespace import one_line_json
from booruflow.products.tar_index import index_entries, index_path, write_index
from booruflow.sources.tags import apart

ROUND_BYTES = 64 << 20
FLUSH_THREADS = 8
"""Files flushed at once: a journaling file system then commits many at a time (2,000 files in 1 s, one by one in 2 to 10 s)."""
HASH_THREADS = 2
"""Tars hashed at once: the last rule of a data set often has a second core for itself."""

_VIEW = np.dtype([("size", "<i4"), ("prefix", "V4"), ("buffer", "<i4"), ("offset", "<i4")])
"""Where a string is in Arrow's layout of binary views: its buffer, and its offset there; short ones are in place of these."""
_SHORT = 12
"""Bytes of the longest string that Arrow keeps in the view itself."""

_NAME, _SIZE, _CHECKSUM = slice(0, 100), slice(124, 135), slice(148, 154)  # fields of a ustar header, POSIX.1-1988


TAR_OR_INDEX = re.compile(r"\d{4}\.(tar|json)")


def tar_texts(entries: Iterable[pl.DataFrame], member: str) -> Stream:
    """What tars of tags or captions hold, as `id` and `text`: tags as they are, captions on one line.

    Trainers that read a folder of images with caption files take the first line only (sd-scripts, `read_caption`). As in
    meta_lat, every run of white space becomes one space, so that no words are joined, and `|||` stands apart; a caption of white
    space alone has no member.

    Args:
        entries: of `booruflow.core.idjson.read_entries` with `member`.
        member: "caption" or "tags".
    """
    for frame in entries:
        texts = frame.select("id", text=member_json_text("value", member))
        if member == "caption":
            texts = texts.with_columns(apart(pl.col("text")))
            texts = texts.with_columns(one_line_json(texts["text"])).filter(pl.col("text") != '""')
        yield texts.with_columns(decode_json_text(pl.col("text")))


def tar_name(post: int, count: int) -> str:
    """The tar that holds a post: `0001.tar` for post 8001 in 1,000 tars."""
    return f"{post % count:04d}.tar"


def tar_files(folder: Path, count: int) -> list[Path]:
    """All files of `write_tars`."""
    return [folder / f"{number:04d}.{suffix}" for number in range(count) for suffix in ("json", "tar")]


def write_tars(
    folder: str | Path, frames: Iterable[pl.DataFrame], suffix: str, count: int, *, round_bytes: int = ROUND_BYTES
) -> None:
    """Write `0000.tar` ... and beside each its index `0000.json` ...; a tar without posts is a valid empty tar.

    Rows are collected into rounds of `round_bytes` of tar; a round is sorted by tar, and each tar is opened, appended
    to and closed once a round. So memory does not grow with the posts, and few files are open at once. All is written
    in `folder/.part`, flushed to the disk and moved into place at the end: a writer that fails or is killed before that
    leaves the old tars whole. Then tars of an earlier, greater number are removed.

    Args:
        folder: where the tars go; files in it that are not named as tars or indexes are here stay.
        frames: columns `id` (Int64, not negative, ascending over all frames) and `text` (String or Binary, no nulls).
        suffix: a member is named `<id>.<suffix>`; ASCII, at most 80 characters.
        count: the number of tars, at most 10,000.
        round_bytes: the size of a round in bytes of tar; memory is about four times that.

    Raises:
        UserError: ids that do not ascend; a full disk or a folder that cannot be written, with the file's name.
    """
    with _part_folder(Path(folder)) as part, writing(part), TemporaryFile(dir=part) as spool:
        tars = [_Tar(part / tar_name(number, count)) for number in range(count)]
        buffer = bytearray()
        for rows in prefetched(_rounds(frames, round_bytes)):
            _append(tars, rows, suffix, spool, buffer)
            del rows  # frees it before the next round is collected
        with (
            ThreadPoolExecutor(FLUSH_THREADS) as flushing,
            ThreadPoolExecutor(HASH_THREADS) as hashing,
            progress(count, f"{folder}: indexes", unit="tars") as bar,
        ):
            flushed = []
            for tar in hashing.map(lambda tar: _finish(tar, spool), tars):  # raises the first error
                flushed += [flushing.submit(_flush, path) for path in (tar.path, index_path(tar.path))]
                bar.update(1)
            for future in flushed:
                future.result()


@dataclass
class _Tar:
    """A tar being written: its size in bytes, and where its index entries are in the spool: (offset, bytes)."""

    path: Path
    size: int = 0
    entries: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def _part_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write in; at the end its files, flushed, are moved into `folder`, in place of all older tars."""
    part = folder / ".part"
    with writing(part):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    try:
        yield part
        files = sorted(part.iterdir())
        for file in files:
            with writing(folder / file.name):
                file.replace(folder / file.name)
        kept = {file.name for file in files}
        for path in sorted(folder.iterdir()):
            if TAR_OR_INDEX.fullmatch(path.name) and path.name not in kept:
                with writing(path):
                    path.unlink()
        sync_folder(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _flush(file: Path) -> None:
    with writing(file):
        flush_to_disk(file)


def _rounds(frames: Iterable[pl.DataFrame], round_bytes: int) -> Iterator[pl.DataFrame]:
    """Concatenate frames to about `round_bytes` of tar each, with the columns `id` and `text` (Binary)."""
    collected: list[pl.DataFrame] = []
    size, last_id = 0, -1
    for frame in frames:
        rows = frame.select("id", pl.col("text").cast(pl.Binary))
        if rows.is_empty():
            continue
        _check_ascending(rows["id"], last_id)
        last_id = int(rows["id"][-1])
        collected.append(rows)
        size += int(rows["text"].bin.size().sum()) + 2 * BLOCKSIZE * rows.height
        if size >= round_bytes:
            yield pl.concat(collected)
            collected, size = [], 0
    if collected:
        yield pl.concat(collected)


def _check_ascending(ids: pl.Series, last_id: int) -> None:
    """Raise a UserError unless each id is greater than the one before it (before the first: `last_id`)."""
    before = ids.shift(1, fill_value=last_id)
    wrong = (ids <= before).arg_true()
    if len(wrong):
        row = wrong[0]
        raise UserError(f"post {ids[row]} comes after post {before[row]}: tars need every id once, in ascending order")


def _append(tars: Sequence[_Tar], rows: pl.DataFrame, suffix: str, spool: BinaryIO, buffer: bytearray) -> None:
    """Append the members of a round to their tars, and their index entries to the spool.

    The round is laid out tar by tar in `buffer`, which grows as needed and serves every round.
    """
    numbers = rows["id"].to_numpy() % len(tars)
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(len(tars) + 1))
    ids, sizes = rows["id"].to_numpy()[order], rows["text"].bin.size().to_numpy()[order].astype(np.int64)

    ends = np.concatenate([[0], np.cumsum(BLOCKSIZE + sizes + -sizes % BLOCKSIZE)])
    buffer.extend(bytes(max(0, int(ends[-1]) - len(buffer))))
    blocks = np.frombuffer(buffer, np.uint8).reshape(-1, BLOCKSIZE)
    blocks[ends[1:] // BLOCKSIZE - 1] = 0  # the padding
    blocks[ends[:-1] // BLOCKSIZE] = _headers(ids, sizes, suffix)
    view = memoryview(buffer)
    digests = []
    text_starts = ends[:-1] + BLOCKSIZE
    text_ends = text_starts + sizes
    for text, start, end in zip(_texts(rows["text"], order), text_starts.tolist(), text_ends.tolist(), strict=True):
        view[start:end] = text
        digests.append(hashlib.sha256(text).hexdigest())

    shifts = np.array([tar.size for tar in tars]) - ends[bounds[:-1]]
    offsets = text_starts + np.repeat(shifts, np.diff(bounds))
    entries = index_entries(ids, suffix, offsets, sizes, digests)
    lengths = np.cumsum(entries.str.len_bytes().to_numpy(), dtype=np.int64)
    entry_bounds = (spool.tell() + np.concatenate([[0], lengths])[bounds]).tolist()
    with writing(tars[0].path.parent):
        spool.write(joined_bytes(entries))
        spool.flush()

    tar_bounds = ends[bounds].tolist()
    for number, tar in enumerate(tars):
        start, end = tar_bounds[number : number + 2]
        if start < end:
            with writing(tar.path), tar.path.open("ab") as file:
                file.write(view[start:end])
            tar.size += end - start
            tar.entries.append((entry_bounds[number], entry_bounds[number + 1] - entry_bounds[number]))


def _texts(texts: pl.Series, order: NDArray[np.intp]) -> Iterator[memoryview]:
    """The bytes of each text in the given order, without a copy."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    data = [memoryview(buffer).cast("B") for buffer in array.buffers()[1:]]
    views = np.frombuffer(data[0], _VIEW)[array.offset :][order]
    is_short = views["size"] <= _SHORT
    buffers = np.where(is_short, 0, views["buffer"] + 1)
    starts = np.where(is_short, (order + array.offset) * _VIEW.itemsize + 4, views["offset"])
    for buffer, start, end in zip(buffers.tolist(), starts.tolist(), (starts + views["size"]).tolist(), strict=True):
        yield data[buffer][start:end]


def _headers(ids: Ints, sizes: Ints, suffix: str) -> NDArray[np.uint8]:
    """The ustar headers of members `<id>.<suffix>`: (members, 512)."""
    blank = np.frombuffer(tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT), np.uint8).copy()
    blank[_CHECKSUM] = ord("0")
    headers = np.tile(blank, (len(ids), 1))
    names = np.strings.add(ids.astype("S20"), f".{suffix}".encode())
    headers[:, _NAME][:, : names.itemsize] = names.view(np.uint8).reshape(len(ids), -1)
    headers[:, _SIZE] += _octal(sizes, 11)
    # the checksum counts its own eight bytes as spaces; the end of a header is the same for every member
    rest = int(blank[_SIZE.stop : 148].sum()) + 8 * ord(" ") + int(blank[156:].sum())
    headers[:, _CHECKSUM] += _octal(headers[:, : _SIZE.stop].sum(axis=1, dtype=np.uint32) + rest, 6)
    return headers


def _octal(values: NDArray[np.integer], digits: int) -> NDArray[np.uint8]:
    """The octal digits of each value, the most significant first, as numbers: (values, digits)."""
    shifts = 3 * np.arange(digits - 1, -1, -1, dtype=np.uint64)
    return ((values[:, None].astype(np.uint64) >> shifts) & np.uint64(7)).astype(np.uint8)


def _finish(tar: _Tar, spool: BinaryIO) -> _Tar:
    """Close a tar as tarfile does (two empty blocks, whole records of 10,240 bytes), and write its index; return the tar."""
    end = tar.size + 2 * BLOCKSIZE
    with writing(tar.path), tar.path.open("ab") as file:
        file.write(bytes(end - tar.size + -end % tarfile.RECORDSIZE))
    write_index(tar.path, b"".join(os.pread(spool.fileno(), length, offset) for offset, length in tar.entries))
    return tar
