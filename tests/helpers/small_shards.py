"""Small shards with real images, for tests of the caption job."""

from pathlib import Path

import polars as pl
from PIL import Image

from booruflow.captioning.prompts.profile import read_profile
from booruflow.captioning.shards import SHARD_SCHEMA, Shard

CAPTIONER = {
    "backend": "echo",
    "fallback": None,
    "model": "echo-1",
    "revision": None,
    "profile": read_profile("toriigate-0.4"),
    "style": "json",
    "info": None,
    "grounding": ["tags", "characters"],
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "quantization": None,
    "min_pixels": 784,
    "max_pixels": 3136,
    "batch_size": 4,
    "max_new_tokens": 12,
    "repetition_penalty": 1,
    "temperature": 0,
    "top_p": 1,
    "constrained": False,
    "max_gpu_temperature": None,
}


def row(id_, **changes):
    """One row of a shard: a post with tags and an image."""
    values = dict.fromkeys(SHARD_SCHEMA) | {"characters": "", "artists": "", "has_metadata": True}
    return values | {"id": id_, "general": f"1girl, tag_{id_}", "image": f"{id_}.png"} | changes


def make_shard(folder: Path, rows, number=0, count=1) -> Shard:
    """Write the rows, and a small image for each row that names one; `image` is its name in the folder `images`."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for values in rows:
        path = images / (values["image"] or ".")
        if not path.exists():
            id_ = values["id"]
            Image.new("RGB", (30 + id_ * 7 % 50, 30 + id_ * 5 % 40), (id_ * 37 % 256, id_ * 11 % 256, 90)).save(path)
    rows = [values | {"image": values["image"] and str(images / values["image"])} for values in rows]
    split = folder / f"split_{number}_of_{count}.parquet"
    pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row").write_parquet(split)
    return Shard(split, folder / "journal", folder / "attempts", number, count)
