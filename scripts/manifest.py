"""Rule manifest: check that the products are consistent; list them with sizes, digests and counts."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.products.checks import check_products
from booruflow.products.manifest import describe_artifacts, write_manifest

with job(snakemake.log[0], snakemake.rule):
    products, params = snakemake.input, snakemake.params
    summary = check_products(products, params.tars, params.image_name)
    # one tar stands for all files in its folder
    files = [str(file) for path in products for file in (Path(path).parent.iterdir() if path.endswith(".tar") else [path])]
    entries = {
        "meta_cap.json": summary["captions"],
        "meta_lat.json": summary["for_the_trainer"],
        "captions/meta_cap_base.json": summary["base_captions"],
    }
    write_manifest(snakemake.output.manifest, summary, describe_artifacts(files, Path(params.results), entries))
