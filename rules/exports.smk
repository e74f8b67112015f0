"""Exports: the data set, or a subset, in the form of one trainer.

Needs posts, images, resolutions, tags JSON and meta_cap.json (of a subset its own), unreadable images and skipped ids. Makes
exports/{export}/ with README.md, files.tsv, which lists all its files, and what the form needs. Reads the config sections text,
exports and tags.
`snakemake export_NAME` builds one export.
"""

from booruflow.exports.settings import export_facts, export_settings
from booruflow.sources.inputs import trainer_folder
from booruflow.tags.policy import is_plain


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
        line=verbatim(TAG_LINE),
        parts=[(name, member) for name, (member, _) in file_parts(VIEWS).items()],
        data_path=lambda wildcards: trainer_folder(f"results/exports/{wildcards.export}/data"),
        folders=verbatim(TRAINER_FOLDERS),
        facts=lambda wildcards: export_facts(config, wildcards.export, TAG_POLICY, CAPTIONER if GENERATED else None),
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
