"""Captions and tags packed in tars by id % count, each tar with an index, for the whole data set and for each subset.

Needs meta_cap.json and tags/meta_cap_dd.json, of a subset those in subsets/{subset}/, and with text.variants posts and tags by the
policy. Makes tars/captions/*.tar and tars/tags/*.tar there, with a *.json beside each. Reads the config sections tars and text.
"""


rule captions_tars:
    input:
        **text_files("captions"),
    output:
        tars=tars_of("", "captions"),
    log:
        "results/logs/captions_tars.log",
    benchmark:
        "results/benchmarks/captions_tars.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("tars"),
        text=verbatim(TEXT),
        member="caption",
        suffix="caption",
        tars=config["tars"]["count"],
    conda:
        "../envs/data.yaml"
    message:
        "Tars: pack {input.captions}"
    priority: 3
    script:
        "../scripts/tars.py"


use rule captions_tars as tags_tars with:
    input:
        tags=rules.tags_json.output.tags,
    output:
        tars=tars_of("", "tags"),
    log:
        "results/logs/tags_tars.log",
    benchmark:
        "results/benchmarks/tags_tars.tsv"
    params:
        code=code("tars"),
        text=None,
        member="tags",
        suffix="txt",
        tars=config["tars"]["count"],
    message:
        "Tars: pack {input.tags}"
    priority: 0


use rule captions_tars as captions_tars_of_subset with:
    input:
        **text_files("captions", subset="{subset}"),
    output:
        tars=tars_of("subsets/{subset}/", "captions"),
    log:
        "results/logs/subsets/{subset}/captions_tars.log",
    benchmark:
        "results/benchmarks/subsets/{subset}/captions_tars.tsv"


use rule tags_tars as tags_tars_of_subset with:
    input:
        tags="results/subsets/{subset}/tags/meta_cap_dd.json",
    output:
        tars=tars_of("subsets/{subset}/", "tags"),
    log:
        "results/logs/subsets/{subset}/tags_tars.log",
    benchmark:
        "results/benchmarks/subsets/{subset}/tags_tars.tsv"


rule tars:
    input:
        tars_of("", "captions"),  # not rules.captions_tars.output, of which Snakemake compares each with each
        tars_of("", "tags"),
