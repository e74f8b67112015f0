"""Form ai-toolkit: one JSON file by the absolute path of the image.

ai-toolkit takes such a file as `folder_path`, and reads `caption` of each entry, ignoring tags (toolkit/data_loader.py,
`AiToolkitDataset`; toolkit/dataloader_mixins.py, `load_caption`).
"""

from collections.abc import Iterator

import polars as pl

from booruflow.core.idjson import json_text, write_lines
from booruflow.core.streams import Stream
from booruflow.exports.interface import Export, Form

FILE = "images.json"


class AiToolkit(Form):
    """For ai-toolkit."""

    several = "one"

    def write(self, export: Export, rows: Stream) -> None:
        """Write the JSON file."""
        entry = pl.struct(caption=pl.col("texts").list.first()).struct.json_encode()
        line = pl.concat_str(json_text("path"), pl.lit(": "), entry, pl.lit(",\n"))

        def lines() -> Iterator[pl.Series]:
            for frame in rows:
                yield frame.select(line).to_series()

        with export.open(FILE) as file:
            write_lines(file, lines())

    def usage(self, export: Export) -> str:
        """The dataset of the config."""
        return f"""ai-toolkit: in the config of the run

```yaml
datasets:
  - folder_path: {export.data_path.removesuffix("data/")}{FILE}
```

It drops and shuffles what stands between commas (`shuffle_tokens`, `token_dropout_rate`), prose as well.
"""
