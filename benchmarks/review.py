"""Time and memory of the library behind the review page, on a made data set of any size.

    python benchmarks/review.py FOLDER [--posts 2000000] [--bad 200000] [--shards 100]

The first run makes the products in FOLDER (posts.parquet, base and merged captions, meta_lat.json, and good, bad, skipped and
failed files), as the rules write them; later runs use them. Then each action is timed once in a process of its own, so that its
first call and the peak of its memory are seen. Files are as warm as the runs before have left them; --cold drops the page cache
before each action, which needs root.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from synthetic import batches
from synthetic_rows import posts_batch, vocabulary

from booruflow.captioning.shards import shard_of
from booruflow.core.files import open_whole
from booruflow.core.idjson import ENTRY_SCHEMA, json_text, write_entries, write_lines
from booruflow.core.tables import read_stream, write_stream
from booruflow.review.dataset import Dataset
from booruflow.review.model import Origin, Query
from booruflow.review.queue import Queue, QueueFilter
from booruflow.sources.posts import POSTS_SCHEMA, TAG_CATEGORIES

ROOT = Path(__file__).parents[1]
BAD = '{"character": "%s", "background": "A simple background.", "texts": "None", "atmosphere": "The mood is'
REASONS = ("truncated", "not_json", "repetition", "refusal")


def texts(posts: pl.DataFrame) -> pl.DataFrame:
    """A caption and the line of tags of each post."""
    tags = pl.concat_str([pl.col(name).str.replace_all(" ", ", ") for name in ("artist", "general")], separator=", ")
    words = pl.col("general").str.replace_all(" ", ", a ").str.replace_all("_", " ")
    caption = pl.concat_str(pl.lit("The image shows "), words, pl.lit(". The scene is calm. It has "), words, pl.lit("."))
    return posts.select("id", caption=caption, tags=tags, kind=pl.col("id") * 2_654_435_761 % 1000)


def posts_of(count: int) -> Iterator[pl.DataFrame]:
    """Synthetic posts with the columns of posts.parquet."""
    tags = vocabulary()
    for frame in batches(lambda batch: posts_batch(tags, 0, batch), count, 0, shuffled=False):
        renamed = frame.rename({f"tag_string_{name}": name for name in TAG_CATEGORIES})
        yield renamed.with_columns(has_metadata=pl.lit(True)).select(
            pl.col(name).cast(dtype)
            for name, dtype in POSTS_SCHEMA.items()  # type: ignore[arg-type]
        )


def make(folder: Path, count: int, bad: int, shards: int) -> None:
    """The products of `count` posts, of which `bad` have a bad output, as many a good one, and the others a base caption."""
    results, per_mille = folder / "results", bad * 1000 / count
    folder.mkdir(parents=True, exist_ok=True)
    config = (ROOT / "config.yaml").read_text("utf-8").replace("shards: 4", f"shards: {shards}")
    write_stream(results / "posts/posts.parquet", posts_of(count), POSTS_SCHEMA)

    def posts() -> Iterator[pl.DataFrame]:
        return map(texts, read_stream(results / "posts/posts.parquet", ["id", "artist", "general"]))

    def entries(keep: pl.Expr) -> Iterator[pl.DataFrame]:
        return (good_entries(frame.filter(keep)) for frame in posts())

    is_bad, is_good = pl.col("kind") < per_mille, pl.col("kind").is_between(per_mille, 2 * per_mille, closed="left")
    write_entries(results / "captions/meta_cap_base.json", entries(~is_bad & ~is_good))
    write_entries(results / "meta_cap.json", entries(~is_bad))
    with open_whole(results / "meta_lat.json") as file:
        parts = (pl.lit('"/images/'), pl.col("id"), pl.lit('.webp": {"caption":'), json_text("caption"))
        line = pl.concat_str(*parts, pl.lit(',"tags":'), json_text("tags"), pl.lit("},\n"))
        write_lines(file, (frame.filter(~is_bad).select(line).to_series() for frame in posts()))
    outputs = pl.concat([frame.filter(is_bad | is_good) for frame in posts()])
    numbers = pl.Series(shard_of(outputs["id"].to_numpy(), shards))
    for number in range(shards):
        own = outputs.filter(numbers == number)
        write_entries(results / f"captions/good_{number}.json", [good_entries(own.filter(is_good))])
        write_entries(results / f"captions/bad_{number}.json", [bad_entries(own.filter(is_bad))])
        for kind in ("fixed", "skipped", "failed"):
            write_entries(results / f"captions/{kind}_{number}.json", [pl.DataFrame(schema=ENTRY_SCHEMA)])
    (folder / "config.yaml").write_text(config, "utf-8")


def good_entries(frame: pl.DataFrame) -> pl.DataFrame:
    """Entries with the captions."""
    return frame.select("id", value=pl.concat_str(pl.lit('{"caption":'), json_text("caption"), pl.lit("}")))


def bad_entries(frame: pl.DataFrame) -> pl.DataFrame:
    """Bad entries: the captions in JSON that is cut off."""
    values = [
        orjson.dumps({"text": BAD % caption, "finish_reason": "length", "reason": REASONS[id_ % 4]}).decode()
        for id_, caption in frame.select("id", "caption").iter_rows()
    ]
    return pl.DataFrame({"id": frame["id"], "value": values}, schema=ENTRY_SCHEMA)


def actions(dataset: Dataset) -> dict[str, Callable[[], Any]]:
    """What is timed, by name."""
    count = dataset.count()
    post = dataset.posts.rows(["id"], count // 2, 1)["id"].item() if count else 0

    def queue(wanted: QueueFilter) -> Callable[[], Any]:
        return lambda: Queue(dataset).page(wanted).total

    def repeated() -> str:
        """A queue that has been opened before: CPU time of a step from one post to the next, and of the counts."""
        opened = Queue(dataset)
        first = opened.page(QueueFilter()).items[0].id
        opened.step(QueueFilter(), first)
        start = time.process_time()
        opened.step(QueueFilter(), first)
        stepped = time.process_time()
        opened.counts()
        return f"step {stepped - start:.3f} s, counts {time.process_time() - stepped:.3f} s"

    return {
        "first page of 50": lambda: len(dataset.page(0)),
        "page in the middle": lambda: len(dataset.page(count // 2)),
        "jump to an id": lambda: dataset.place(post),
        "one post with its texts": lambda: dataset.post(post).origin,  # type: ignore[union-attr]
        "search: a common tag": lambda: len(dataset.search(Query(tags=("1girl",)), seconds=600).posts),
        "search: a tag that no post has": lambda: len(dataset.search(Query(tags=("no_such_tag",)), seconds=600).posts),
        "search: words that no caption has": lambda: len(dataset.search(Query(text="no such words"), seconds=600).posts),
        "search: generated": lambda: len(dataset.search(Query(origin=Origin.GENERATED), seconds=600).posts),
        "search: no caption at all": lambda: len(dataset.search(Query(origin=Origin.NOTHING), seconds=600).posts),
        "queue: first page": queue(QueueFilter()),
        "queue: a reason and a shard": queue(QueueFilter(reason="refusal", shard=3)),
        "queue: a rating and a tag": queue(QueueFilter(rating="g", tag="1girl")),
        "queue: words": queue(QueueFilter(text="red eyes")),
        "queue: opened before": repeated,
    }


def peak_memory() -> float:
    """The peak resident memory of this process in MiB; unlike ru_maxrss it leaves out that of the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(folder: Path, name: str) -> None:
    """Do one action in this process, and print what it took as JSON."""
    start, processor = time.perf_counter(), time.process_time()
    dataset = Dataset(folder)
    found = actions(dataset)[name]()
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    print(json.dumps([str(found), seconds, processor, peak_memory()]))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Measure the library behind the review page.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=2_000_000)
    parser.add_argument("--bad", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--cold", action="store_true", help="drop the page cache before each action")
    parser.add_argument("--action", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.action:
        measure(options.folder, options.action)
        return
    if not (options.folder / "config.yaml").exists():
        make(options.folder, options.posts, options.bad, options.shards)
    dataset = Dataset(options.folder)
    print(f"{dataset.count():,} posts\n{'':34} {'seconds':>8} {'CPU s':>7} {'MiB':>6}  result")
    for name in actions(dataset):
        if options.cold:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("1")
        done = subprocess.run(
            [sys.executable, __file__, options.folder, "--action", name], capture_output=True, text=True, check=True
        )
        found, seconds, processor, memory = json.loads(done.stdout)
        print(f"{name:34} {seconds:8.2f} {processor:7.2f} {memory:6.0f}  {found}", flush=True)


if __name__ == "__main__":
    main()
