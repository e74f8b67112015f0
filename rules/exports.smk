"""Exports: the data set, or a subset, in the form of one trainer.

Needs posts, images, resolutions, tags JSON and meta_cap.json (of a subset its own), unreadable images and skipped ids. Makes
exports/{export}/ with README.md, files.tsv, which lists all its files, and what the form needs. Reads the config sections text,
exports and tags.
`snakemake export_NAME` builds one export.
"""

import json

from booruflow.exports.settings import export_settings
from booruflow.sources.inputs import trainer_folder
from booruflow.tags.policy import is_plain

TEXT_PARTS = {"tags": ("tags", "tags/meta_cap_dd.json"), "caption": ("caption", "meta_cap.json")}
"""Parts of texts that are files keyed by id: name of the part -> the member of an entry, and the file in the results."""

FURTHER_PARTS = {f"caption_{view}": ("caption", f"meta_cap_{view}.json") for view in VIEWS}
"""The same for captions of further styles, of which subsets have no files of their own."""


def export_files(name):
    """The products of an export that Snakemake knows; all its files are listed in files.tsv."""
    return [f"results/exports/{name}/README.md", f"results/exports/{name}/files.tsv"]


def texts_of_export(wildcards):
    """The files of all parts, of the whole data set or of the subset."""
    subset = config["exports"][wildcards.export]["subset"]
    folder = "results" if subset is None else f"results/subsets/{subset}"
    own = [f"{folder}/{file}" for _, file in TEXT_PARTS.values()]
    return [*own, *(f"results/{file}" for _, file in FURTHER_PARTS.values())]


def facts_of_export(wildcards):
    """What the README of an export says of its data set."""
    subset = config["exports"][wildcards.export]["subset"]
    posts = "all" if subset is None else f"subset {subset}: {json.dumps(config['subsets'][subset], ensure_ascii=False)}"
    model, revision = CAPTIONER["model"], CAPTIONER["revision"]
    style = f", style {CAPTIONER['style']}" if CAPTIONER["style"] else ""
    captioner = f"{model}{f' ({revision})' if revision else ''}{style}" if GENERATED else None
    tags = {"policies": config["tags"]["policies"], "order": TAG_POLICY["order"], "underscores": TAG_POLICY["underscores"]}
    return {"posts": posts, "model": captioner, "tags": tags}


rule export:
    input:
        posts=rules.posts.output.posts,
        tags=[] if is_plain(TAG_POLICY) else rules.tag_policy.output.tags,
        texts=texts_of_export,
        images=rules.images.output.images,
        resolutions=rules.resolutions.output.resolutions,
        skipped=[*UNREADABLE, *expand("results/captions/skipped_{n}.json", n=GENERATED)],
    output:
        readme="results/exports/{export}/README.md",
        files="results/exports/{export}/files.tsv",
    log:
        "results/logs/exports/{export}.log",
    benchmark:
        "results/benchmarks/exports/{export}.tsv"
    threads: 4
    resources:
        mem_mb=3000,
    params:
        code=code("export"),
        settings=lambda wildcards: export_settings(config, wildcards.export),
        seed=config["text"]["seed"],
        separator=verbatim(TAG_POLICY["separator"]),
        parts=[(name, member) for name, (member, _) in (TEXT_PARTS | FURTHER_PARTS).items()],
        data_path=lambda wildcards: trainer_folder(f"results/exports/{wildcards.export}/data"),
        folders=verbatim(TRAINER_FOLDERS),
        facts=facts_of_export,
    conda:
        "../envs/data.yaml"
    message:
        "Export {wildcards.export}: write its images and texts"
    script:
        "../scripts/export.py"


for name in config["exports"]:

    rule:
        name:
            f"export_{name}"
        input:
            export_files(name),
