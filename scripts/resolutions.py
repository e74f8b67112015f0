"""Rule resolutions: the training resolution of each post that can be trained on."""

from booruflow.core.files import spool_beside
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream, sorted_rows, write_stream
from booruflow.sources.images import with_sizes
from booruflow.sources.resolutions import KNOWN_RESOLUTIONS, SCHEMA, resolution_rows

with job(snakemake.log[0], snakemake.rule):
    folder, rule = snakemake.params.folder, snakemake.params.rule
    posts = ["id", "image_width", "image_height", "file_ext"]
    known = None
    if snakemake.input.kohya:
        columns = [name for name in KNOWN_RESOLUTIONS if name != "id"]
        known = sorted_rows([snakemake.input.kohya], "id", columns, spool_beside(snakemake.output.resolutions), "resolutions")
    unsized = read_stream(snakemake.input.posts, posts)
    images = with_sizes(folder, read_stream(snakemake.input.images), unsized)
    rows = resolution_rows(read_stream(snakemake.input.posts, posts), images, known, rule, need_image=bool(folder))
    write_stream(snakemake.output.resolutions, rows, SCHEMA)
