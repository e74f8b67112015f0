"""Rule pictures: which pictures there are, and where each lies."""

from booruflow.job import job
from booruflow.pictures import NONE, SCHEMA, list_pictures
from booruflow.tables import write_stream

with job(snakemake.log[0], snakemake.rule):
    folder = snakemake.params.folder
    found = list_pictures(folder) if folder else NONE
    print(f"{len(found.frame)} pictures; passed over: {found.ignored} other files, {found.duplicates} second pictures")
    write_stream(snakemake.output.pictures, [found.frame], SCHEMA)
