"""Rule images: which posts have an image, and where it is."""

from booruflow.core.jobs import job
from booruflow.core.tables import write_stream
from booruflow.sources.images.listing import IMAGES_SCHEMA, NO_IMAGES, list_images

with job(snakemake.log[0], snakemake.rule):
    folder = snakemake.params.folder
    images = list_images(folder) if folder else NO_IMAGES
    print(f"{len(images.frame)} images; ignored: {images.ignored} other files, {images.duplicates} further images of a post")
    write_stream(snakemake.output.images, [images.frame], IMAGES_SCHEMA)
