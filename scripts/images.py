"""Rule images: which images there are, and where each lies."""

from booruflow.core.jobs import job
from booruflow.core.tables import write_stream
from booruflow.sources.images import NONE, SCHEMA, list_images

with job(snakemake.log[0], snakemake.rule):
    folder = snakemake.params.folder
    found = list_images(folder) if folder else NONE
    print(f"{len(found.frame)} images; passed over: {found.ignored} other files, {found.duplicates} second images")
    write_stream(snakemake.output.images, [found.frame], SCHEMA)
