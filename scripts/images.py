"""Rule images: which posts have an image, and where it is."""

from booruflow.core.errors import counted_noun
from booruflow.core.jobs import WARNING, job
from booruflow.core.tables import write_stream
from booruflow.sources.images.listing import IMAGES_SCHEMA, list_images, require_images

with job(snakemake.log[0], snakemake.rule):
    images = list_images(snakemake.params.folders, snakemake.params.image_name)
    print(
        f"{counted_noun(len(images.frame), 'image')}; ignored: {counted_noun(images.ignored, 'other file')},"
        f" {counted_noun(images.duplicates, 'further image')} of a post"
    )
    require_images(images, snakemake.params.folders, snakemake.params.image_name)
    for line in images.skipped:
        print(f"{WARNING}skipped: {line}")
    if packed := images.frame["tar"].count():
        images_in_tars = counted_noun(packed, "image")
        print(f"{WARNING}{images_in_tars} in tars: captioned in place, but sd-scripts reads no tars: unpack them for training")
    write_stream(snakemake.output.images, [images.frame], IMAGES_SCHEMA)
