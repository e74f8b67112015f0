"""Synthetic posts in any number, in bounded memory: booru metadata, existing captions and resolutions.

    python benchmarks/synthetic.py FOLDER --posts 500000 [--shuffled] [--csv-files 3] [--resolutions indented] [--favourites]

What they hold is drawn by `synthetic_rows.py`. The first posts of a large set are those of a small one, and shuffling changes
only the order of the rows.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from synthetic_rows import (
    ALIASES,
    BATCH,
    CAPTION_COLUMNS,
    aliases,
    captions_batch,
    clauses,
    favourites_batch,
    post_ids,
    posts_batch,
    vocabulary,
)

SHUFFLED_BATCHES = 8
"""Batches that are shuffled together."""


def batches(generate: Callable[[int], pl.DataFrame], posts: int, seed: int, shuffled: bool) -> Iterator[pl.DataFrame]:
    """The batches 0, 1, ... of `posts` posts; with `shuffled`, groups of random batches with their rows in random order."""
    numbers = np.arange(-(-posts // BATCH))
    last_id = int(post_ids(seed, len(numbers) - 1)[(posts - 1) % BATCH])

    def batch(number: int) -> pl.DataFrame:
        frame = generate(number)
        return frame.filter(pl.col(frame.columns[0]) <= last_id)

    if not shuffled:
        yield from map(batch, numbers)
        return
    draw = np.random.default_rng([seed, 3])
    order = draw.permutation(numbers)
    for start in range(0, len(order), SHUFFLED_BATCHES):
        mixed = pl.concat([batch(number) for number in order[start : start + SHUFFLED_BATCHES]])
        yield from mixed[draw.permutation(len(mixed))].iter_slices(BATCH)


def write_posts(
    folder: Path,
    posts: int,
    seed: int = 0,
    shuffled: bool = False,
    csv_files: int = 0,
    resolutions: str | None = None,
    row_group: int = 8 * BATCH,
    favourites: bool = False,
) -> None:
    """Write `metadata.parquet` and `captions.parquet` to `folder`, and optionally more.

    Args:
        folder: created if it does not exist.
        posts: the number of posts.
        seed: equal seeds and numbers of posts give equal files.
        shuffled: rows in random order rather than ascending by id.
        csv_files: also write the posts as this many files `posts-<n>.csv`, as BigQuery exports its public table.
        resolutions: also write `meta_lat.json` as sd-scripts does, `indented` or `compact`; 3 of 100 posts have no entry.
        row_group: rows in a row group of the parquet files; pyarrow and pandas write 1,048,576.
        favourites: also the columns `fav_count` and `created_at`, and `aliases.csv` with 40,000 rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tags, (pieces, plain) = vocabulary(), clauses()

    def post(batch: int) -> pl.DataFrame:
        plain = posts_batch(tags, seed, batch)
        return pl.concat([plain, favourites_batch(seed, batch)], how="horizontal") if favourites else plain

    def caption(batch: int) -> pl.DataFrame:
        return captions_batch(pieces, plain, seed, batch)

    _write_parquet(folder / "metadata.parquet", batches(post, posts, seed, shuffled), row_group)
    _write_parquet(folder / "captions.parquet", batches(caption, posts, seed, shuffled), row_group)
    if favourites:
        aliases(ALIASES).write_csv(folder / "aliases.csv")
    if csv_files:
        _write_csv(folder, batches(post, posts, seed, shuffled), posts, csv_files)
    if resolutions:
        entries = batches(lambda batch: _resolutions_batch(post(batch), caption(batch)), posts, seed, shuffled)
        _write_resolutions(folder / "meta_lat.json", entries, indent=2 if resolutions == "indented" else None)


def _write_parquet(path: Path, frames: Iterator[pl.DataFrame], row_group: int) -> None:
    group = -(-row_group // BATCH)
    first = pl.concat(itertools.islice(frames, group)).to_arrow()
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first, row_group)
        while frames_of_group := list(itertools.islice(frames, group)):
            writer.write_table(pl.concat(frames_of_group).to_arrow(), row_group)


def _write_csv(folder: Path, frames: Iterator[pl.DataFrame], posts: int, files: int) -> None:
    """Write files of about equal length, each with a header; an empty tag string is `""`."""
    columns = ["id", "rating", "score"]
    columns += [f"tag_string_{category}" for category in ("meta", "general", "artist", "copyright", "character")]
    rows_written = 0
    started: set[int] = set()
    size = -(-posts // (8 * files))
    for piece in itertools.chain.from_iterable(frame.iter_slices(size) for frame in frames):
        number = rows_written * files // posts
        with (folder / f"posts-{number}.csv").open("ab" if number in started else "wb") as file:
            piece.select(columns).write_csv(file, include_header=number not in started)
        started.add(number)
        rows_written += len(piece)


def _resolutions_batch(posts: pl.DataFrame, captions: pl.DataFrame) -> pl.DataFrame:
    """Entries such as sd-scripts' `prepare_buckets_latents.py` writes."""
    caption = pl.concat_str(*(f"{name}" for name in CAPTION_COLUMNS), separator=" ", ignore_nulls=True)
    return (
        posts.select("id", "image_width", "image_height", tags=pl.col("tag_string_general").str.replace_all(" ", ", "))
        .join(captions.select(id="index", caption=caption), on="id", how="left", maintain_order="left")
        .filter(pl.col("id") % 33 != 0)
    )


def _write_resolutions(path: Path, frames: Iterator[pl.DataFrame], indent: int | None) -> None:
    def entry(width: int, height: int, tags: str, caption: str | None) -> str:
        scale = 1024 / (width * height) ** 0.5
        sides = [max(256, round(side * scale / 64) * 64) for side in (width, height)]
        text = json.dumps({"tags": tags, "caption": caption or "", "train_resolution": sides}, indent=indent)
        return text.replace("\n", "\n  ")

    end, separator = ("\n}", ",\n  ") if indent else ("}", ", ")
    with path.open("w", encoding="utf-8") as file:
        before = "{\n  " if indent else "{"
        for frame in frames:
            for post, *rest in frame.iter_rows():
                file.write(f'{before}"/data/images/{post}.webp": {entry(*rest)}')
                before = separator
        file.write(end)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write synthetic posts.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shuffled", action="store_true", help="rows in random order")
    parser.add_argument("--csv-files", type=int, default=0, help="also write a BigQuery-style CSV export")
    parser.add_argument("--resolutions", choices=["indented", "compact"], help="also write an existing meta_lat.json")
    parser.add_argument("--favourites", action="store_true", help="also fav_count, created_at and a table of aliases")
    parser.add_argument("--row-group", type=int, default=8 * BATCH, help="rows in a row group of the parquet files")
    arguments = parser.parse_args()
    write_posts(**vars(arguments))


if __name__ == "__main__":
    main()
