"""Rule latents: the training resolution of each post that can be trained on."""

from booruflow.job import job
from booruflow.pictures import with_sizes
from snakemake.script import snakemake

from booruflow.files import spool_beside
from booruflow.latents import RESOLUTIONS, SCHEMA, resolutions
from booruflow.tables import read_stream, sorted_rows, write_stream

with job(snakemake):
    posts = ["id", "image_width", "image_height", "file_ext"]
    known = None
    if snakemake.input.kohya:
        columns = [name for name in RESOLUTIONS if name != "id"]
        known = sorted_rows([snakemake.input.kohya], "id", columns, spool_beside(snakemake.output.latents), "latents")
    rows = resolutions(
        read_stream(snakemake.input.posts, posts),
        with_sizes(read_stream(snakemake.input.pictures), read_stream(snakemake.input.posts, posts), snakemake.params.folder),
        known,
        snakemake.params.rule,
    )
    write_stream(snakemake.output.latents, rows, SCHEMA)
