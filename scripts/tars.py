"""Rules captions_tars, tags_tars, captions_tars_of_subset and tags_tars_of_subset: texts packed in tars, each with an index."""

from pathlib import Path

from booruflow.core.idjson import decode_json_text, member_json_text, read_entries
from booruflow.core.jobs import job
from booruflow.products.tars import write_tars

with job(snakemake.log[0], snakemake.rule):
    text = decode_json_text(member_json_text("value", snakemake.params.member))
    texts = (frame.select("id", text=text) for frame in read_entries(snakemake.input.entries, "tars"))
    write_tars(Path(snakemake.output[0]).parent, texts, snakemake.params.suffix, snakemake.params.tars)
