"""Rule check_images: the images of the posts that cannot be decoded, each with the reason."""

import polars as pl

from booruflow.core.errors import counted_noun
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.images.inspection import decoded_size, inspected
from booruflow.sources.images.reasons import UNREADABLE, reason_entries
from booruflow.sources.images.remembered import Remembered

with job(snakemake.log[0], snakemake.rule):
    source, path = snakemake.input, snakemake.output.unreadable
    images = semi_join(read_stream(source.images), read_stream(source.posts, ["id"]))
    images = counted(images, rows_of(source.images), "check images")
    with Remembered(f"{snakemake.params.journal}/decoded_images.bin") as remembered:
        checked = inspected(images, decoded_size, remembered, snakemake.threads)
        unreadable = (frame.filter(pl.col("problem").is_not_null()) for frame in checked)
        entries = (reason_entries(rows.select("id", reason=pl.lit(UNREADABLE), detail="problem")) for rows in unreadable)
        count = write_entries(path, entries)
    print(f"{counted_noun(count, 'image')} that cannot be opened: listed in {path}")
