"""Compare the tar writer with a baseline: the standard tarfile, one member at a time, over a dict of all captions.

    python benchmarks/tars.py [--posts 470000] [--turns 3] [--folder FOLDER] [--ways booruflow tarfile indexed]

`tarfile` writes only the tars; `indexed` also writes the index beside each tar. Each way reads the same parquet file
of synthetic captions (1.2 kB on average) in its own process; the ways alternate, and the table gives medians.
All ways must write the same tars and indexes, byte for byte.
"""

import argparse
import hashlib
import io
import json
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.products.tars import write_tars

TARS = 1000
BATCH = 16_384


def write_captions(path: Path, posts: int) -> None:
    """Captions of 400 to 2,000 bytes, cut from a long text of invented words, for ids with gaps."""
    draw = random.Random(0)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(5000)]
    text = " ".join(draw.choices(words, k=400_000))
    schema = pa.schema({"id": pa.int64(), "text": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        post = 0
        for first in range(0, posts, BATCH):
            ids, texts = [], []
            for _ in range(min(BATCH, posts - first)):
                post += draw.choice((1, 1, 1, 2))
                start = draw.randrange(len(text) - 2000)
                ids.append(post)
                texts.append(text[start : start + draw.randint(400, 2000)])
            writer.write_table(pa.table([ids, texts], schema))


def read(captions: Path) -> Iterator[pl.DataFrame]:
    """The captions as a stream of frames."""
    for batch in pq.ParquetFile(captions).iter_batches(BATCH):
        yield pl.DataFrame(batch)


def booruflow(captions: Path, folder: Path) -> None:
    """The library, over the stream."""
    write_tars(folder, read(captions), "caption", TARS)


def tarfile_only(captions: Path, folder: Path) -> None:
    """The standard tarfile, without indexes."""
    members = defaultdict(list)
    for frame in read(captions):
        for post, text in frame.iter_rows():
            members[post % TARS].append((post, text))
    folder.mkdir(parents=True)
    for number in range(TARS):
        with tarfile.open(folder / f"{number:04d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for post, text in members[number]:
                data = text.encode()
                member = tarfile.TarInfo(f"{post}.caption")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def indexed(captions: Path, folder: Path) -> None:
    """The standard tarfile, and the index of each tar with the standard modules."""
    tarfile_only(captions, folder)
    for path in folder.glob("*.tar"):
        data = path.read_bytes()
        files = {}
        with tarfile.open(path) as tar:
            for member in tar:
                start, size = member.offset_data, member.size
                digest = hashlib.sha256(data[start : start + size]).hexdigest()
                files[member.name] = {"offset": start, "size": size, "sha256": digest}
        index = {
            "filesize": len(data),
            "hash": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
            "hash_lfs": hashlib.sha256(data).hexdigest(),
            "files": files,
        }
        with path.with_suffix(".json").open("w") as file:
            json.dump(index, file)


WAYS: dict[str, Callable[[Path, Path], None]] = {"booruflow": booruflow, "tarfile": tarfile_only, "indexed": indexed}


def run(way: str, captions: Path, folder: Path) -> tuple[float, float, float]:
    """Run one way in its own process; return seconds, processor seconds, and peak resident memory in MB."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, __file__, "--one", way, str(captions), str(folder)]
    seconds, processor, peak = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return seconds, processor, peak


def peak_memory() -> float:
    """The peak resident memory of this process in MB; unlike ru_maxrss it leaves out that of the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def digests(folder: Path, kind: str) -> dict[str, str]:
    """The sha256 of each file of a kind (tar, json)."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(f"*.{kind}")}


def compare(work: Path, posts: int, turns: int, ways: list[str]) -> None:
    """Alternate between the ways, compare their files, and print the table."""
    captions = work / "captions.parquet"
    write_captions(captions, posts)
    results = defaultdict(list)
    for turn in range(turns):
        for way in ways:
            results[way].append(run(way, captions, work / way))
            print(f"turn {turn + 1}: {way} {results[way][-1][0]:.1f} s", file=sys.stderr)
    for kind in ("tar", "json"):
        written = [files for way in ways if (files := digests(work / way, kind))]
        if any(files != written[0] for files in written):
            sys.exit(f"the {kind} files differ")
    medians = {way: [statistics.median(values) for values in zip(*results[way], strict=True)] for way in ways}
    print(f"{posts:,} posts, {TARS:,} tars, {turns} turns, medians")
    print(f"{'way':<10} {'seconds':>8} {'posts/s':>10} {'ratio':>6} {'cpu s':>6} {'ratio':>6} {'peak MB':>8}")
    for way, (seconds, processor, peak) in medians.items():
        ratio, cpu_ratio = seconds / medians[ways[0]][0], processor / medians[ways[0]][1]
        print(
            f"{way:<10} {seconds:>8.2f} {posts / seconds:>10,.0f} {ratio:>6.1f} {processor:>6.2f} {cpu_ratio:>6.1f} {peak:>8.0f}"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the tar writer with the standard tarfile.")
    parser.add_argument("--posts", type=int, default=470_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        way, captions, folder = arguments.one
        start, used = time.perf_counter(), time.process_time()
        WAYS[way](Path(captions), Path(folder))
        print(json.dumps([time.perf_counter() - start, time.process_time() - used, peak_memory()]))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        compare(Path(work), arguments.posts, arguments.turns, arguments.ways)


if __name__ == "__main__":
    main()
