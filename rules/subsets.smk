"""Subsets: the same products for the posts that match a filter.

Needs posts, tags JSON, meta_cap.json, resolutions, unreadable images, skipped ids and, with text.variants, tags by the policy. Makes
tags/meta_cap_dd.json, meta_cap.json, meta_lat.json and meta_lat.jsonl in subsets/{subset}/; the rules of its tars are in tars.smk.
Reads the config sections subsets, meta_lat and text.
`snakemake subset_NAME` builds one subset with its tars.
"""


rule subset:
    input:
        **text_files("posts", "tags", "captions"),
        resolutions=rules.resolutions.output.resolutions,
        ids=lambda wildcards: config["subsets"][wildcards.subset].get("ids") or [],
        skipped=[*UNREADABLE, *expand("results/captions/skipped_{n}.json", n=GENERATED)],
    output:
        tags="results/subsets/{subset}/tags/meta_cap_dd.json",
        captions="results/subsets/{subset}/meta_cap.json",
        json="results/subsets/{subset}/meta_lat.json",
        jsonl="results/subsets/{subset}/meta_lat.jsonl",
    log:
        "results/logs/subsets/{subset}.log",
    benchmark:
        "results/benchmarks/subsets/{subset}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("subset"),
        text=verbatim(TEXT),
        filter=lambda wildcards: config["subsets"][wildcards.subset],
        key=config["meta_lat"]["key"],
        folders=verbatim(TRAINER_FOLDERS),
    conda:
        "../envs/data.yaml"
    message:
        "Subset {wildcards.subset}: select its posts"
    script:
        "../scripts/subset.py"


for name in config["subsets"]:

    rule:
        name:
            f"subset_{name}"
        input:
            subset_files(name),
