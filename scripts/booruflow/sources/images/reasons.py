"""Why a post is not trained on: the reasons, and how lists of them are written.

Such a list is keyed by id: `"<id>": {"reason", "detail"}`; the detail is there only where there is one.
"""

import polars as pl

from booruflow.core.idjson import json_text

NO_IMAGE = "no image"
NOT_AN_IMAGE = "not an image"
UNREADABLE = "unreadable image"
NOT_LISTED = "not in inputs.resolutions"
NO_SIZE = "unknown size"
NO_RESOLUTION = "no training resolution"


def reason_entries(rows: pl.DataFrame) -> pl.DataFrame:
    """Entries (`id`, `value`) for rows of `id`, `reason` and `detail`."""
    detail = pl.concat_str(pl.lit(',"detail":'), json_text("detail")).fill_null("")
    detail = pl.when(pl.col("detail").is_not_null()).then(detail).otherwise(pl.lit(""))
    return rows.select("id", value=pl.concat_str(pl.lit('{"reason":'), json_text("reason"), detail, pl.lit("}")))
