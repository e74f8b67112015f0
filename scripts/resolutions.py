"""Rule resolutions: the training resolution of each post that can be trained on, and why the others cannot be."""

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import spool_beside
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import Stream, semi_join
from booruflow.core.tables import read_stream, rows_of, write_stream
from booruflow.sources.images.inspection import SIZES_SCHEMA, inspected, stored_size
from booruflow.sources.images.remembered import Remembered
from booruflow.sources.kohya_resolutions import KOHYA_SCHEMA
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA, excluded_entries, resolution_rows
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.sorted_rows import sorted_rows

READERS = 8  # threads that wait for the disk; they use one core

with job(snakemake.log[0], snakemake.rule):
    source, target, params = snakemake.input, snakemake.output, snakemake.params
    columns = ["id", "image_width", "image_height", "file_ext"]
    images = counted(read_stream(source.images), rows_of(source.images), "image headers")
    with Remembered(f"{params.journal}/image_sizes.bin") as remembered:
        sizes = inspected(semi_join(images, read_stream(source.posts, ["id"])), stored_size, remembered, READERS)
        write_stream(target.sizes, sizes, SIZES_SCHEMA)

    def inputs() -> tuple[Stream, Stream, Stream | None]:
        """The posts, the sizes of their images, and the resolutions in a file of kohya's."""
        wanted = [Column(name, name, dtype) for name, dtype in KOHYA_SCHEMA.items() if name != "id"]
        spool = spool_beside(target.resolutions)
        kohya = sorted_rows([source.kohya], "id", wanted, spool, "resolutions") if source.kohya else None
        return read_stream(source.posts, columns), read_stream(target.sizes), kohya

    rows = resolution_rows(*inputs(), params.bucket_rule, params.image_name, params.need_image)
    count = write_stream(target.resolutions, rows, RESOLUTIONS_SCHEMA)
    if not count and params.need_image:
        raise UserError(
            "config.yaml: inputs.images: no post of the data set has an image that can be used: correct the folder, set"
            " inputs.image_name to the form of the files' names, or set inputs.images to [] if there are none"
        )
    excluded = excluded_entries(*inputs(), read_stream(target.resolutions, ["id"]), params.image_name, params.need_image)
    print(f"{counted_noun(count, 'post')} with a resolution, {write_entries(target.excluded, excluded):,} without one")
