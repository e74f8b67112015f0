"""Images from tars into an export folder, against `tar -x`.

    python benchmarks/exports.py [--posts 100000] [--kilobytes 20] [--turns 3] [--folder FOLDER] [--sync]

Packs random bytes as images of posts into tars by `id % 1000`, each with an index, and makes the tables that an export reads.
Then, in turns: `tar -x` of all tars, one after the other, into one folder; the export in the form `ai-toolkit` with copies
(images and one JSON file); `tar -x` of as many tars of texts as well; the export in the form `folder` (images and as many
text files). The page cache holds the tars. All that is written is removed at the end: ext4 takes up to ten times as long to
create files where thousands have just been deleted. With --sync a way ends when its files are on the disk; else nothing is
flushed. Prints medians of wall and CPU seconds, each with the median of its ratios, in the same turn, to the `tar -x` that
writes as many files, and the peak memory of this process, which makes the tables as well.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.exports.export import write_export
from booruflow.exports.rows import export_rows
from booruflow.exports.settings import IMAGES
from booruflow.products.tars import write_tars
from booruflow.sources.images.listing import list_images
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA
from booruflow.texts.parts import part_rows, post_parts
from booruflow.texts.templates import PARTS

TAGS = {"policies": [], "order": ["general"], "underscores": "keep"}
FRAME_ROWS = 8_192
TEXT = "A picture of a post, " + "with some words in it, " * 20


def batched_ids(posts: int) -> Iterator[range]:
    """The ids from 0 to `posts`."""
    for start in range(0, posts, FRAME_ROWS):
        yield range(start, min(start + FRAME_ROWS, posts))


def make_images(folder: Path, posts: int, size: int) -> None:
    """Tars of random bytes, from half to one and a half times `size` each."""
    source = random.Random(0)
    noise = source.randbytes(2 * size)

    def frames() -> Iterator[pl.DataFrame]:
        for ids in batched_ids(posts):
            bytes_of = [
                noise[(cut := source.randrange(size // 2)) : cut + source.randrange(size // 2, size * 3 // 2)] for _ in ids
            ]
            yield pl.DataFrame({"id": ids, "text": bytes_of})

    write_tars(folder, frames(), "webp", 1000)


def make_rows(folder: Path) -> Callable[[], Iterator[pl.DataFrame]]:
    """The rows of an export, made of the listing of the images; the tables are made once."""
    images = list_images([str(folder)], "{id}").frame
    ids = images["id"]
    texts_of = {"rating": "g", "general": "1girl solo", **dict.fromkeys(("artist", "character", "copyright", "meta"), "")}
    posts = pl.DataFrame({"id": ids}).with_columns(pl.lit(text).alias(name) for name, text in texts_of.items())
    captions = pl.DataFrame({"id": ids, "value": [json.dumps({"caption": TEXT})] * len(ids)}, schema=ENTRY_SCHEMA)
    tags = captions.select("id", value=pl.lit('{"tags":"1girl, solo"}'))
    columns = {
        "folder": pl.lit(str(folder)),
        "file": pl.col("name"),
        **{f"{of}_{side}": pl.lit(512) for of in ("train", "image") for side in ("width", "height")},
    }
    resolutions = images.select("id", **columns).select([pl.col(name).cast(dtype) for name, dtype in RESOLUTIONS_SCHEMA.items()])

    def frames(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
        return table.iter_slices(FRAME_ROWS)

    def rows() -> Iterator[pl.DataFrame]:
        texts = [("tags", "tags", frames(tags)), ("caption", "caption", frames(captions))]
        return export_rows(
            part_rows(post_parts(frames(posts), None, {"separator": ", "}), texts), frames(images), frames(resolutions)
        )

    return rows


def export(form: str, images: Path, rows: Iterator[pl.DataFrame], target: Path) -> None:
    """Export all images in one form."""
    settings = {"form": form, "images": "copy", "encode": {}, "variants": [], "captions": "all", "extension": "txt", "tars": 10}
    assert "copy" in IMAGES[form]
    data, folders = f"{target}/data/", {str(images): f"{images}/", "": "/"}
    facts = {"posts": "all", "model": None, "tags": TAGS}
    write_export(form, target, rows, settings, seed=0, parts=PARTS, data_path=data, folders=folders, facts=facts, threads=2)


def tar_x(target: Path, *folders: Path) -> None:
    """Unpack all tars of the folders, one after the other; those of equal names in turn, as an export does."""
    target.mkdir()
    for tar in sorted((tar for folder in folders for tar in folder.glob("*.tar")), key=lambda tar: tar.name):
        subprocess.run(["tar", "-xf", tar, "-C", target], check=True)


def sync_disk(folder: Path) -> None:
    """Write all that the page cache holds of the disk of a folder to it, as `sync --file-system` does."""
    subprocess.run(["sync", "--file-system", folder], check=True)


def main() -> None:
    """Run all ways in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--kilobytes", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--sync", action="store_true")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=options.folder))
    ways: dict[str, Callable[[Path], None]] = {
        "tar -x": lambda target: tar_x(target, root / "tars"),
        "ai-toolkit": lambda target: export("ai-toolkit", root / "tars", rows(), target),
        "tar -x, texts": lambda target: tar_x(target, root / "tars", root / "texts"),
        "folder": lambda target: export("folder", root / "tars", rows(), target),
    }
    references = {"ai-toolkit": "tar -x", "folder": "tar -x, texts"}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    try:
        make_images(root / "tars", options.posts, options.kilobytes << 10)
        texts = (pl.DataFrame({"id": ids, "text": "1girl, solo, " + TEXT}) for ids in batched_ids(options.posts))
        write_tars(root / "texts", texts, "txt", 1000)
        rows = make_rows(root / "tars")
        for turn in range(options.turns):
            for name, way in ways.items():
                sync_disk(root)
                start, cpu = time.perf_counter(), sum(os.times()[:4])
                way(root / f"{name} {turn}")
                if options.sync:
                    sync_disk(root)
                seconds[name].append((time.perf_counter() - start, sum(os.times()[:4]) - cpu))
                print("{}: wall {:.1f} s, cpu {:.1f} s".format(name, *seconds[name][-1]), file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(root)
    for name, turns in seconds.items():
        reference = seconds[references.get(name, name)]
        ratios = [[own / base for own, base in zip(*pair, strict=True)] for pair in zip(turns, reference, strict=True)]
        (wall, cpu), (wall_ratio, cpu_ratio) = (map(median, zip(*values, strict=True)) for values in (turns, ratios))
        print(f"{name:14} wall {wall:6.1f} s ({wall_ratio:.2f})   cpu {cpu:6.1f} s ({cpu_ratio:.2f})")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
