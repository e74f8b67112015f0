"""Form simpletuner: a parquet table of file names, captions and sizes beside a folder of images.

SimpleTuner reads a list in the caption column as several captions (simpletuner/helpers/metadata/backends/parquet.py,
`_extract_captions_to_fast_list`). It finds images in tars through webshart indexes, which the form webdataset writes.
"""

import json

import polars as pl

from booruflow.core.streams import Stream
from booruflow.core.tables import write_stream
from booruflow.exports.interface import Export, Form

FILE = "images.parquet"
SCHEMA: dict[str, pl.DataType | type] = {"file": pl.String, "caption": pl.List(pl.String), "width": pl.Int32, "height": pl.Int32}


class SimpleTuner(Form):
    """For SimpleTuner with `metadata_backend: parquet`."""

    several = "list"

    def write(self, export: Export, rows: Stream) -> None:
        """Write the table."""
        columns = {"file": "file", "caption": "texts", "width": "image_width", "height": "image_height"}
        write_stream(export.folder / FILE, (frame.select(**columns) for frame in rows), SCHEMA)
        export.add_file(FILE)

    def usage(self, export: Export) -> str:
        """The entry of multidatabackend.json."""
        folder = export.data_path.removesuffix("data/")
        entry = {
            "id": export.name,
            "type": "local",
            "dataset_type": "image",
            "instance_data_dir": export.data_path.removesuffix("/"),
            "caption_strategy": "parquet",
            "metadata_backend": "parquet",
            "parquet": {
                "path": folder + FILE,
                "filename_column": "file",
                "caption_column": "caption",
                "width_column": "width",
                "height_column": "height",
                "identifier_includes_extension": True,
            },
            "resolution": 1.0,
            "resolution_type": "area",
            "cache_dir_vae": f"{folder}cache/vae",
        }
        texts = {
            "id": "text-embeds",
            "type": "local",
            "dataset_type": "text_embeds",
            "default": True,
            "cache_dir": f"{folder}cache/text",
        }
        with export.open("multidatabackend.json") as file:
            file.write(json.dumps([entry, texts], indent=2, ensure_ascii=False).encode() + b"\n")
        return f"SimpleTuner: `--data_backend_config={folder}multidatabackend.json`; all captions of an image are used.\n"
