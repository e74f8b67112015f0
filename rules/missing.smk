"""Which posts lack what, and the caption shards.

Needs posts, images, tags JSON, base captions and resolutions. Makes missing/missing.json, missing/split_{n}.json and
missing/split_{n}.parquet. Reads captions.shards of the config.
"""


rule missing:
    input:
        posts=rules.posts.output.posts,
        tags=rules.tags_json.output.tags,
        captions=rules.base_captions.output.captions,
        resolutions=rules.resolutions.output.resolutions,
    output:
        missing="results/missing/missing.json",
    log:
        "results/logs/missing.log",
    benchmark:
        "results/benchmarks/missing.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("missing"),
    conda:
        "../envs/data.yaml"
    message:
        "Missing: list posts without tags, caption or resolution"
    script:
        "../scripts/missing.py"


rule shards:
    input:
        captions=rules.base_captions.output.captions,
        posts=rules.posts.output.posts,
        images=rules.images.output.images,
    output:
        json=expand("results/missing/split_{n}.json", n=SHARDS),
        tables=expand("results/missing/split_{n}.parquet", n=SHARDS),
    log:
        "results/logs/shards.log",
    benchmark:
        "results/benchmarks/shards.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("shards"),
        shards=len(SHARDS),
    conda:
        "../envs/data.yaml"
    message:
        "Shards: divide posts without a caption into {params.shards}"
    priority: 1
    script:
        "../scripts/shards.py"
