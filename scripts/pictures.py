"""Rule pictures: which pictures there are, and where each lies."""

from booruflow.job import job
from booruflow.pictures import SCHEMA, list_pictures
from snakemake.script import snakemake

from booruflow.tables import write_stream

with job(snakemake):
    write_stream(snakemake.output.pictures, list_pictures(snakemake.params.folder), SCHEMA)
