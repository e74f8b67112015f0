"""Form musubi: JSON lines for musubi-tuner, whose caption holds the whole text.

It reads `image_path` and `caption` and ignores other keys (src/musubi_tuner/dataset/datasources.py, `ImageJsonlDatasource`).
"""

import polars as pl

from booruflow.core.idjson import joined_bytes
from booruflow.core.streams import Stream
from booruflow.exports.interface import Export, Form
from booruflow.exports.toml import toml_text

FILE = "images.jsonl"


class Musubi(Form):
    """For musubi-tuner."""

    several = "one"

    def write(self, export: Export, rows: Stream) -> None:
        """Write the JSON lines."""
        line = pl.struct(image_path="path", caption=pl.col("texts").list.first()).struct.json_encode() + "\n"
        with export.open(FILE) as file:
            for frame in rows:
                file.write(joined_bytes(frame.select(line).to_series()))

    def usage(self, export: Export) -> str:
        """The dataset config."""
        folder = export.data_path.removesuffix("data/")
        options = {"resolution": [1024, 1024], "batch_size": 1, "enable_bucket": True}
        dataset = {"image_jsonl_file": folder + FILE, "cache_directory": f"{folder}cache"}
        with export.open("dataset.toml") as file:
            file.write(toml_text({"general": options, "datasets": [dataset]}))
        return f"""musubi-tuner: `--dataset_config={folder}dataset.toml`, after setting the resolution and the batch size there.

It caches the outputs of the text encoder: another choice among variants needs another `text.seed`, and the cache made again.
"""
