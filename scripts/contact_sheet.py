"""Rule contact_sheet: images beside their captions."""

from booruflow.core.jobs import job
from booruflow.core.tables import read_stream
from booruflow.report.contact_sheet import SAMPLE_SIZES, find_tags, sample_captions, write_contact_sheet
from booruflow.report.thumbnails import find_images

with job(snakemake.log[0], snakemake.rule):
    inputs = snakemake.input
    files = {"generated": inputs.good, "fixed": inputs.fixed, "bad": inputs.bad, "existing": [inputs.base]}
    groups = {source: sample_captions(files[source], count) for source, count in SAMPLE_SIZES.items()}
    ids = {post for posts in groups.values() for post, _ in posts}
    tags = find_tags(inputs.tags, ids)
    images = find_images(read_stream(inputs.images), ids)
    write_contact_sheet(snakemake.output.page, groups, tags, images)
