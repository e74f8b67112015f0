"""Rule verify: compare all products with the manifest, and run the consistency checks again."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

from booruflow.core.jobs import job
from booruflow.products.checks.verify import verify
from booruflow.texts.texts import read_texts

with job(snakemake.log[0], snakemake.rule):
    params = snakemake.params
    texts = partial(read_texts, SimpleNamespace(**params.text_files), params.text) if params.text else None
    verify(Path(params.results), Path(params.records), params.image_name, snakemake.threads, texts)
