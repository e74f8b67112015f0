"""Rule texts: the texts of each post by the variants of the config, a line each."""

from booruflow.core.errors import counted_noun
from booruflow.core.idjson import read_entries, write_entries
from booruflow.core.jobs import job
from booruflow.texts.parts import part_rows, read_post_parts
from booruflow.texts.templates import parts_used
from booruflow.texts.texts import text_entries

with job(snakemake.log[0], snakemake.rule):
    files, params = snakemake.input, snakemake.params
    entries = [
        (name, member, read_entries(path, name, member)) for (name, member), path in zip(params.parts, files.texts, strict=True)
    ]
    rows = part_rows(read_post_parts(files.posts, files.tags, params.separator, parts_used(params.variants)), entries)
    count = write_entries(snakemake.output.texts, text_entries(rows, params.variants))
    print(f"{counted_noun(count, 'post')} with a text")
