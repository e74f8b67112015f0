"""Rule manifest: check that the products are consistent; list them with sizes, digests and counts."""

from pathlib import Path

from booruflow.core.errors import counted_noun
from booruflow.core.jobs import job
from booruflow.products.built import require_unchanged
from booruflow.products.checks.exports import check_exports, summary_of
from booruflow.products.manifest import describe_artifacts, remove_leftovers, write_manifest
from booruflow.products.summary import read_counts
from booruflow.products.tars import tar_files
from booruflow.texts.texts import read_texts

with job(snakemake.log[0], snakemake.rule):
    products, params, target = snakemake.input, snakemake.params, snakemake.output.manifest
    results = Path(target).parent
    texts = read_texts(products, params.text) if params.text else None
    summary = summary_of(read_counts(products.counts), check_exports(products, params.tars, params.image_name, texts))
    # one tar stands for all in its folder
    files = [
        str(file)
        for path in products
        for file in (tar_files(Path(path).parent, params.tars) if path.endswith(".tar") else [path])
    ]
    artifacts = describe_artifacts(files, results, summary)
    require_unchanged(files, Path(params.records), target)
    remove_leftovers(results, artifacts)
    text = {"text": {**params.text, "files": params.text_files}} if params.text else {}
    write_manifest(target, summary, artifacts, {"image_name": params.image_name, **text})
    print(f"{counted_noun(len(artifacts), 'product')}, all checks hold")
