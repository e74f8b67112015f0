"""Rule resolutions: the training resolution of each post that can be trained on."""

from booruflow.core.files import spool_beside
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream, write_stream
from booruflow.sources.images.sizes import with_sizes
from booruflow.sources.kohya_resolutions import KOHYA_SCHEMA
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA, resolution_rows
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.sorted_rows import sorted_rows

with job(snakemake.log[0], snakemake.rule):
    source, target, folder = snakemake.input, snakemake.output.resolutions, snakemake.params.folder
    columns = ["id", "image_width", "image_height", "file_ext"]
    kohya = None
    if source.kohya:
        sizes = [Column(name, name, dtype) for name, dtype in KOHYA_SCHEMA.items() if name != "id"]
        kohya = sorted_rows([source.kohya], "id", sizes, spool_beside(target), "resolutions")
    images = with_sizes(folder, read_stream(source.images), read_stream(source.posts, columns))
    posts = read_stream(source.posts, columns)
    rows = resolution_rows(posts, images, kohya, snakemake.params.bucket_rule, need_image=bool(folder))
    write_stream(target, rows, RESOLUTIONS_SCHEMA)
