"""Tags, and captions that exist already.

Needs posts/posts.parquet and inputs.captions. Base captions do not wait for the posts: they take the ids from inputs.metadata
or inputs.resolutions. Makes tags/meta_cap_dd.json and captions/meta_cap_base.json; JSON captions are first converted to
converted/captions_{k}.parquet. Reads the config sections tags and inputs.
"""


rule tags_json:
    input:
        posts=rules.posts.output.posts,
    output:
        tags="results/tags/meta_cap_dd.json",
    log:
        "results/logs/tags_json.log",
    benchmark:
        "results/benchmarks/tags_json.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("tags_json"),
        tags=verbatim(config["tags"]),
    conda:
        "../envs/data.yaml"
    message:
        "Tags JSON: write one line of tags per post"
    priority: 2
    script:
        "../scripts/tags_json.py"


rule captions_json:
    input:
        json=lambda wildcards: CAPTIONS[int(wildcards.k)]["files"],
    output:
        parquet="results/converted/captions_{k}.parquet",
    log:
        "results/logs/captions_json_{k}.log",
    benchmark:
        "results/benchmarks/captions_json_{k}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("captions_json"),
    conda:
        "../envs/data.yaml"
    message:
        "Captions: convert {input.json} to parquet"
    script:
        "../scripts/captions_json.py"


rule base_captions:
    input:
        tables=caption_tables,
        metadata=METADATA_TABLES,
        resolutions=ID_TABLE,
    output:
        captions="results/captions/meta_cap_base.json",
    log:
        "results/logs/base_captions.log",
    benchmark:
        "results/benchmarks/base_captions.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("base_captions"),
        sources=verbatim(CAPTIONS),
        converted=[is_json(source["files"][0]) for source in CAPTIONS],
        id_column=verbatim(config["inputs"]["columns"]["id"]),
    conda:
        "../envs/data.yaml"
    message:
        "Base captions: collect those that exist already"
    priority: 2
    script:
        "../scripts/base_captions.py"
