"""Rule verify: compare all products with the manifest, and run the consistency checks again."""

from pathlib import Path
from types import SimpleNamespace

from booruflow.core.jobs import job
from booruflow.products.checks.verify import verify
from booruflow.texts.texts import read_texts

with job(snakemake.log[0], snakemake.rule):
    params = snakemake.params
    texts = lambda text: read_texts(SimpleNamespace(**text["files"]), text)  # noqa: E731
    verify(Path(params.results), Path(params.records), snakemake.threads, texts)
