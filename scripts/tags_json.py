"""Rule tags_json: the tags of each post as one line."""

from booruflow.core.errors import counted_noun
from booruflow.core.idjson import write_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.sources.tags import tags_entries, trained_tag_line
from booruflow.tags.tags import tags_line

with job(snakemake.log[0], snakemake.rule):
    files, params = snakemake.input, snakemake.params
    source, order = files[0], params.line["order"]
    line = tags_line(**params.line) if files.tags else trained_tag_line(order, params.line["separator"])
    parts = [part for part in order if part != "divider"]
    frames = counted(read_stream(source, ["id", *parts]), rows_of(source), "tags")
    print(counted_noun(write_entries(snakemake.output.tags, (tags_entries(frame, line) for frame in frames)), "line"))
