"""Form imagefolder: images with metadata.parquet, which `datasets.load_dataset` and the scripts of diffusers open.

Its `file_name` is relative to the table; a list of captions is drawn from (datasets, packaged_modules/folder_based_builder).
"""

import polars as pl

from booruflow.core.streams import Stream
from booruflow.core.tables import write_stream
from booruflow.exports.interface import DATA, Export, Form

FILE = f"{DATA}/metadata.parquet"
SCHEMA: dict[str, pl.DataType | type] = {
    "file_name": pl.String,
    "id": pl.Int64,
    "text": pl.String,
    "texts": pl.List(pl.String),
    "width": pl.Int32,
    "height": pl.Int32,
}
"""The first columns; the others are the parts of texts."""


class ImageFolder(Form):
    """For `datasets`, diffusers and the Hub."""

    several = "list"

    def write(self, export: Export, rows: Stream) -> None:
        """Write the table."""
        text = pl.col("texts").list.first()
        table = (frame.with_columns(file_name="file", width="image_width", height="image_height", text=text) for frame in rows)
        write_stream(export.folder / FILE, table, SCHEMA | dict.fromkeys(export.parts, pl.String))
        export.add_file(FILE)

    def usage(self, export: Export) -> str:
        """How to open it, here and from the Hub."""
        return f"""```python
datasets.load_dataset("{export.data_path.removesuffix("/data/")}", split="train")
```

The same with the name of the repository after an upload of this folder. The Hub takes at most 10,000 files a folder: above that,
export in the form `webdataset`. diffusers: `--train_data_dir=<this folder>` or `--dataset_name=<repository>`,
`--caption_column=texts`, which draws one of several, or `text`, the first.
"""
