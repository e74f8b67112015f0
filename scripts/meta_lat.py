"""Rule meta_lat: tags, caption and resolution of each picture, as the trainer reads them."""

from booruflow.idjson import read_entries
from booruflow.job import job
from booruflow.latents import without_unreadable
from booruflow.meta import lat_rows, write_lat
from booruflow.progress import counted
from booruflow.tables import read_stream, rows_of

with job(snakemake.log[0], snakemake.rule):
    given = snakemake.input
    latents = counted(read_stream(given.latents), rows_of(given.latents), "meta_lat")
    latents = without_unreadable(latents, [read_entries(path) for path in given.skipped])
    rows = lat_rows(read_entries(given.tags), read_entries(given.captions), latents)
    write_lat(snakemake.output.json, snakemake.output.jsonl, rows, snakemake.params.key, snakemake.params.folder)
