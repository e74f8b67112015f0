"""Rule meta_lat: tags, caption and resolution of each image, as the trainer reads them."""

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_lat import lat_rows, write_lat
from booruflow.products.trainable import read_skipped, without_unreadable

with job(snakemake.log[0], snakemake.rule):
    given = snakemake.input
    resolutions = counted(read_stream(given.resolutions), rows_of(given.resolutions), "meta_lat")
    resolutions = without_unreadable(resolutions, [read_skipped(path) for path in given.skipped])
    rows = lat_rows(read_entries(given.tags), read_entries(given.captions), resolutions)
    write_lat(snakemake.output.json, snakemake.output.jsonl, rows, snakemake.params.key, snakemake.params.folder)
