"""The folder of a data set with the products that the review page reads, written directly: any tags, any answers, any number."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import yaml
from PIL import Image
from projects import ROOT

CATEGORIES = ("general", "artist", "character", "copyright", "meta")

CUT = '{"character": "A girl with white hair smiles.", "background": "A night sky.", "atmosphere": "The mood'
"""An answer that the token limit cut off."""

FIRST, SECOND = 101, 102
"""The ids of two posts to repair."""


@dataclass
class BadPost:
    """A post whose answer is bad."""

    id: int
    text: str = CUT
    reason: str = "truncated"
    tags: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"general": ["1girl", "white_hair"]})
    rating: str = "g"
    source: str = ""
    image: bytes | None = None
    """Of its file; None for a small drawing."""


def write_data_set(folder: Path, posts: Sequence[BadPost]) -> Path:
    """Write the data set into `folder`, which is made; the posts are ascending by id."""
    for name in ("edited", "images", "results/posts", "results/images", "results/captions"):
        (folder / name).mkdir(parents=True)
    config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    config["inputs"]["images"], config["captions"]["shards"] = "images", 1
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    rows = [
        {"id": post.id, "rating": post.rating, "score": 1, "image_width": 320, "image_height": 240, "source": post.source}
        | {category: " ".join(post.tags.get(category, [])) for category in CATEGORIES}
        for post in posts
    ]
    kinds = {"id": pl.Int64, "score": pl.Int32, "image_width": pl.Int32, "image_height": pl.Int32}
    pl.DataFrame(rows, schema_overrides=kinds).with_columns(has_metadata=True).write_parquet(
        folder / "results/posts/posts.parquet"
    )
    drawing = folder / "images/drawing"
    Image.new("RGB", (320, 240), "#86a8d8").save(drawing, "webp")
    for post in posts:
        path = folder / f"images/{post.id}.webp"
        path.hardlink_to(drawing) if post.image is None else path.write_bytes(post.image)
    drawing.unlink()
    places = [{"id": post.id, "folder": "images", "tar": None, "name": f"{post.id}.webp"} for post in posts]
    pl.DataFrame(places, schema={"id": pl.Int64, "folder": pl.String, "tar": pl.String, "name": pl.String}).with_columns(
        offset=pl.lit(None, pl.Int64), size=pl.lit(None, pl.Int64)
    ).write_parquet(folder / "results/images/images.parquet")
    bad = {post.id: {"text": post.text, "finish_reason": "length", "reason": post.reason} for post in posts}
    captions = folder / "results/captions"
    write_entries(captions / "bad_0.json", bad)
    for name in (
        "captions/good_0",
        "captions/skipped_0",
        "captions/failed_0",
        "captions/fixed_0",
        "captions/meta_cap_base",
        "meta_cap",
    ):
        write_entries(folder / f"results/{name}.json", {})
    lines = [json.dumps({"id": post.id, "text": post.text, "finish_reason": "length"}, separators=(",", ":")) for post in posts]
    (captions / "raw_0.jsonl").write_text("".join(line + "\n" for line in lines), "utf-8")
    return folder


def write_entries(path: Path, entries: Mapping[int, object]) -> None:
    """Write JSON keyed by id."""
    lines = [f'"{post}": {json.dumps(entry, separators=(",", ":"))}' for post, entry in entries.items()]
    path.write_text("{\n" + ",\n".join(lines) + ("\n" if lines else "") + "}\n", "utf-8")


class ResultsAway:
    """Within the block the folder has no results."""

    def __init__(self, folder: Path) -> None:
        self.results, self.away = folder / "results", folder / "results.away"

    def __enter__(self) -> None:
        self.results.rename(self.away)

    def __exit__(self, *_: object) -> None:
        if self.results.exists():
            shutil.rmtree(self.results)
        self.away.rename(self.results)


def saved(folder: Path) -> dict[str, dict[str, object]]:
    """The edits that the review page has saved in a data set."""
    return json.loads((folder / "edited/review.json").read_bytes())
