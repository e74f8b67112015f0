"""One post a member, `id % count` the tar: a thousand tars in one pass, each with its index.

The tars are plain ustar, byte for byte what the standard tarfile writes with `format=USTAR_FORMAT` for members in
ascending order of id, with mtime 0, mode 0644, uid and gid 0 and no owner's name. So equal input gives equal bytes.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from booruflow.core.errors import UserError
from booruflow.core.files import send
from booruflow.core.idjson import Ints, buffer_of
from booruflow.core.progress import progress
from booruflow.core.streams import ahead

COUNT = 1000
"""Tars of the layout that deepghs publishes and cheesechaser reads."""
BLOCK = tarfile.BLOCKSIZE
ROUND_BYTES = 64 << 20

_BUFFER = 1 << 20
_NAME, _SIZE, _CHECKSUM = slice(0, 100), slice(124, 135), slice(148, 154)  # fields of a ustar header, POSIX.1-1988


def tar_name(post: int, count: int = COUNT) -> str:
    """The tar that holds a post: `0001.tar` for post 8001."""
    return f"{post % count:04d}.tar"


def write_tars(
    folder: str | Path,
    frames: Iterable[pl.DataFrame],
    suffix: str,
    *,
    count: int = COUNT,
    round_bytes: int = ROUND_BYTES,
) -> None:
    """Write `0000.tar` ... and an index `0000.json` ... beside each; a tar of no posts is a valid empty tar.

    Rows are collected into rounds of `round_bytes` of tar; a round is sorted by tar, and each tar is opened, appended
    to and closed once a round. So memory does not grow with the posts, and few files are open at once. All is written
    in `folder/.part` and moved into place at the end: a writer that fails or is killed leaves the old tars whole.

    Args:
        folder: where the tars go; other files in it stay.
        frames: columns `id` (Int64, not negative, ascending over all frames) and `text` (String or Binary, no nulls).
        suffix: a member is named `<id>.<suffix>`; ASCII, at most 80 characters.
        count: the number of tars, at most 10,000.
        round_bytes: the size of a round in bytes of tar; memory is about three times that.

    Raises:
        UserError: ids that do not ascend; a full disk or a folder that cannot be written, with the file's name.
    """
    with _part_folder(Path(folder)) as part, _writing(part), TemporaryFile(dir=part) as spool:
        tars = [_Tar(part / tar_name(remainder, count)) for remainder in range(count)]
        memory = bytearray()
        for rows in _rounds(frames, round_bytes):
            _append(tars, rows, suffix, spool, memory)
            del rows  # before the next round is collected
        with progress(count, f"{folder}: indexes", unit="tars") as bar:
            for tar in tars:
                _finish(tar, spool)
                bar.update(1)


@dataclass
class _Tar:
    """A tar that grows: its size in bytes, and where in the spool the entries of its index lie, (position, bytes)."""

    path: Path
    size: int = 0
    entries: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def _part_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write in; what it holds in the end is moved into `folder`."""
    part = folder / ".part"
    with _writing(part):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    try:
        yield part
        if hasattr(os, "sync"):  # not on Windows
            os.sync()  # once for all: two thousand calls of fsync cost more than the writing when the disk is busy
        for file in sorted(part.iterdir()):
            with _writing(folder / file.name):
                file.replace(folder / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}): free space or mend the path") from error


def _rounds(frames: Iterable[pl.DataFrame], round_bytes: int) -> Iterator[pl.DataFrame]:
    """Join frames until they make about `round_bytes` of tar; columns `id` and `text` (Binary) come out."""
    held: list[pl.DataFrame] = []
    size, last = 0, -1
    for frame in ahead(frames):
        rows = frame.select("id", pl.col("text").cast(pl.Binary))
        if rows.is_empty():
            continue
        last = _ascending(rows["id"], last)
        held.append(rows)
        size += int(rows["text"].bin.size().sum()) + 2 * BLOCK * rows.height
        if size >= round_bytes:
            yield pl.concat(held)
            held, size = [], 0
    if held:
        yield pl.concat(held)


def _ascending(ids: pl.Series, last: int) -> int:
    """The last of `ids`, once each is known to be greater than the one before it (`last` before the first)."""
    before = ids.shift(1, fill_value=last)
    wrong = (ids <= before).arg_true()
    if len(wrong):
        row = wrong[0]
        raise UserError(f"post {ids[row]} comes after post {before[row]}: tars need every id once, in ascending order")
    return int(ids[-1])


def _append(tars: Sequence[_Tar], rows: pl.DataFrame, suffix: str, spool: BinaryIO, memory: bytearray) -> None:
    """Append the members of a round to their tars, and what an index says of each of them to the spool.

    The round is laid out tar by tar in `memory`, which grows as it must and serves every round.
    """
    remainders = rows["id"].to_numpy() % len(tars)
    order = np.argsort(remainders.astype(np.uint16), kind="stable")
    bounds = np.searchsorted(remainders[order], np.arange(len(tars) + 1))
    ids, sizes = rows["id"].to_numpy()[order], rows["text"].bin.size().to_numpy()[order].astype(np.int64)

    ends = np.concatenate([[0], np.cumsum(BLOCK + sizes + -sizes % BLOCK)])
    memory.extend(bytes(max(0, int(ends[-1]) - len(memory))))
    blocks = np.frombuffer(memory, np.uint8).reshape(-1, BLOCK)
    blocks[ends[1:] // BLOCK - 1] = 0  # the padding
    blocks[ends[:-1] // BLOCK] = _headers(ids, sizes, suffix)
    laid = memoryview(memory)
    digests = []
    begins = ends[:-1] + BLOCK
    for text, start, stop in zip(_slices(rows["text"], order), begins.tolist(), (begins + sizes).tolist(), strict=True):
        laid[start:stop] = text
        digests.append(hashlib.sha256(text).hexdigest())

    shifts = np.array([tar.size for tar in tars]) - ends[bounds[:-1]]
    offsets = begins + np.repeat(shifts, np.diff(bounds))
    entries = _entries(ids, suffix, offsets, sizes, digests)
    places = spool.tell() + np.concatenate([[0], np.cumsum(entries.str.len_bytes().to_numpy(), dtype=np.int64)])[bounds]
    with _writing(tars[0].path.parent):
        spool.write(buffer_of(entries))
        spool.flush()

    starts = ends[bounds].tolist()
    for tar, start, stop, at, to in zip(tars, starts, starts[1:], places.tolist(), places[1:].tolist(), strict=False):
        if start < stop:
            with _writing(tar.path), tar.path.open("ab") as file:
                file.write(laid[start:stop])
            tar.size += stop - start
            tar.entries.append((at, to - at))


def _slices(texts: pl.Series, order: NDArray[np.intp]) -> Iterator[memoryview]:
    """The bytes of each text, in the given order; none is copied."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    data = memoryview(array.buffers()[2] or b"").cast("B")
    for start, stop in zip(offsets[order].tolist(), offsets[order + 1].tolist(), strict=True):
        yield data[start:stop]


def _entries(ids: Ints, suffix: str, offsets: Ints, sizes: Ints, digests: Sequence[str]) -> pl.Series:
    """The entries of an index as json.dump writes them, each behind its comma."""
    columns = pl.DataFrame(
        {"id": ids, "offset": offsets, "size": sizes, "sha256": digests}, schema_overrides={"sha256": pl.String}
    )
    text = pl.format(f', "{{}}.{suffix}": {{{{"offset": {{}}, "size": {{}}, "sha256": "{{}}"}}}}', *columns.columns)
    return columns.select(text).to_series()


def _headers(ids: Ints, sizes: Ints, suffix: str) -> NDArray[np.uint8]:
    """The ustar headers of members `<id>.<suffix>`: (members, 512)."""
    blank = np.frombuffer(tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT), np.uint8).copy()
    blank[_CHECKSUM] = ord("0")
    headers = np.tile(blank, (len(ids), 1))
    names = np.strings.add(ids.astype("S20"), f".{suffix}".encode())
    headers[:, _NAME][:, : names.itemsize] = names.view(np.uint8).reshape(len(ids), -1)
    headers[:, _SIZE] += _octal(sizes, 11)
    # The sum takes the checksum's own eight bytes for spaces; the tail of a header is the same for every member.
    tail = int(blank[_SIZE.stop : 148].sum()) + 8 * ord(" ") + int(blank[156:].sum())
    headers[:, _CHECKSUM] += _octal(headers[:, : _SIZE.stop].sum(axis=1, dtype=np.uint32) + tail, 6)
    return headers


def _octal(values: NDArray[np.integer], digits: int) -> NDArray[np.uint8]:
    """The octal digits of each value, the most significant first, as numbers: (values, digits)."""
    shifts = 3 * np.arange(digits - 1, -1, -1, dtype=np.uint64)
    return ((values[:, None].astype(np.uint64) >> shifts) & np.uint64(7)).astype(np.uint8)


def _finish(tar: _Tar, spool: BinaryIO) -> None:
    """Close a tar as tarfile does (two empty blocks, whole records of 10,240 bytes), and write its index."""
    with _writing(tar.path), tar.path.open("ab") as file:
        end = tar.size + 2 * BLOCK
        file.write(bytes(end - tar.size + -end % tarfile.RECORDSIZE))
    size, blob, plain = _head(tar.path)
    entries = b"".join(os.pread(spool.fileno(), length, place) for place, length in tar.entries)
    index = tar.path.with_suffix(".json")
    with _writing(index), index.open("wb") as file:
        file.write(b'{"filesize": %d, "hash": "%s", "hash_lfs": "%s", "files": {' % (size, blob, plain))
        file.write(entries.removeprefix(b", "))
        file.write(b"}}")


def _head(tar: Path) -> tuple[int, bytes, bytes]:
    """The size of a file, its git blob sha1 and its sha256 in hex: what an index says of the tar as a whole."""
    size = tar.stat().st_size
    blob, plain = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
    with tar.open("rb", buffering=0) as file:
        while data := file.read(_BUFFER):
            blob.update(data)
            plain.update(data)
        send(file)  # no more than a few tars wait for the disk at the end
    return size, blob.hexdigest().encode(), plain.hexdigest().encode()
