"""Rule latents: the training resolution of each post that can be trained on."""

from booruflow.files import spool_beside
from booruflow.job import job
from booruflow.latents import RESOLUTIONS, SCHEMA, resolutions
from booruflow.pictures import with_sizes
from booruflow.tables import read_stream, sorted_rows, write_stream

with job(snakemake.log[0], snakemake.rule):
    folder, rule = snakemake.params.folder, snakemake.params.rule
    posts = ["id", "image_width", "image_height", "file_ext"]
    known = None
    if snakemake.input.kohya:
        columns = [name for name in RESOLUTIONS if name != "id"]
        known = sorted_rows([snakemake.input.kohya], "id", columns, spool_beside(snakemake.output.latents), "latents")
    unsized = read_stream(snakemake.input.posts, posts)
    pictures = with_sizes(folder, read_stream(snakemake.input.pictures), unsized)
    rows = resolutions(read_stream(snakemake.input.posts, posts), pictures, known, rule, need_picture=bool(folder))
    write_stream(snakemake.output.latents, rows, SCHEMA)
