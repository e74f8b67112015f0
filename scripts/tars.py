"""Rules captions_tars, tags_tars, captions_tars_of_subset and tags_tars_of_subset: texts packed in tars, each with an index."""

from pathlib import Path

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.products.tars import tar_texts, write_tars
from booruflow.texts.texts import read_texts

with job(snakemake.log[0], snakemake.rule):
    params = snakemake.params
    if params.text:
        texts = read_texts(snakemake.input, params.text)
    else:
        texts = tar_texts(read_entries(snakemake.input[0], "tars", params.member), params.member)
    write_tars(Path(snakemake.output[0]).parent, texts, params.suffix, params.tars)
