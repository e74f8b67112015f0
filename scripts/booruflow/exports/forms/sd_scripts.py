"""Form sd-scripts: meta_lat.json and meta_lat.jsonl for fine-tuning with kohya's sd-scripts (`FineTuningDataset`).

Without variants they hold caption and tags as results/meta_lat.json does. With variants the caption holds them as lines, and
there are no tags: the trainer would append them to each line (v0.9.1 to v0.11, library/train_util.py, `process_caption` and
`FineTuningDataset`; from v0.11 library/finetuning_dataset.py).
"""

import polars as pl

from booruflow.core.idjson import json_text
from booruflow.core.streams import Stream
from booruflow.exports.interface import Export, Form
from booruflow.exports.toml import toml_text
from booruflow.products.meta_lat import write_meta_lat
from booruflow.texts.texts import safe_lines


class SdScripts(Form):
    """For `fine_tune.py` and the scripts that take a `metadata_file`."""

    several = "lines"
    divides = True

    def write(self, export: Export, rows: Stream) -> None:
        """Write meta_lat.json and meta_lat.jsonl."""
        has_images = export.settings["images"] != "none"
        folders = {**export.folders, "data": export.data_path}
        folder = pl.lit("data") if has_images else pl.col("image_folder")
        if export.settings["variants"]:
            caption, tags = "lines", pl.lit(None, pl.String)
        else:
            caption, tags = "caption", json_text("tags")

        def entries() -> Stream:
            for frame in rows:
                lines = frame["texts"].list.join("\n")
                frame = frame.with_columns(folder=folder, lines=safe_lines(lines) if export.has_several else lines)
                texts = frame.select(
                    pl.when(pl.col("tags").is_not_null()).then(tags).alias("tags"),
                    pl.when(pl.col(caption).is_not_null()).then(json_text(caption)).alias("caption"),
                )
                yield frame.with_columns(
                    caption=pl.coalesce(texts["caption"], texts["tags"]),
                    tags=pl.select(pl.when(texts["caption"].is_not_null()).then(texts["tags"])).to_series(),
                )

        json, jsonl = "meta_lat.json", "meta_lat.jsonl"
        write_meta_lat(export.folder / json, export.folder / jsonl, entries(), "path", folders)
        export.add_file(json)
        export.add_file(jsonl)

    def usage(self, export: Export) -> str:
        """The dataset config."""
        folder = export.data_path.removesuffix("data/")
        own = export.settings["images"] != "none"
        images = export.data_path if own else [*export.folders.values()][-1]
        subset: dict[str, object] = {
            "metadata_file": f"{folder}meta_lat.json",
            "caption_separator": ", ",  # v0.9.1 and v0.10 fail with their own default, a tuple
            "enable_wildcard": export.has_several,
            "image_dir": images,  # images have absolute paths, but it is required
        }
        if export.divider:
            subset["keep_tokens_separator"] = export.divider
        with export.open("dataset.toml") as file:
            file.write(toml_text({"general": {"enable_bucket": True}, "datasets": [{"batch_size": 1, "subsets": [subset]}]}))
        lines = "a text of several lines is drawn from, a line each step (`enable_wildcard`)"
        return f"""sd-scripts, for fine-tuning, from v0.9.1 on: `--dataset_config={folder}dataset.toml`,
after setting the batch size there.

- {lines if export.has_several else "caption and tags are joined in this order"}.
- Caching the outputs of text encoders freezes one text an image.
- `shuffle_caption` divides prose at commas too; a `|||` behind it (`keep_tokens_separator`) keeps it whole.
"""
