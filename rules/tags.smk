"""Tags, by the tag policy, and captions that exist already.

Needs posts/posts.parquet, the tables in tags.aliases and tags.implications, and inputs.captions. Base captions do not wait for
the posts: they take the ids from inputs.metadata or inputs.resolutions. Makes tags/tags.parquet, tags/policy_report.tsv,
tags/quality_cutoffs.tsv and, for tokens, tags/posts.parquet; tags/meta_cap_dd.json; and captions/meta_cap_base.json. JSON
captions are first converted to converted/captions_{k}.parquet. Reads the config sections tags, inputs and tokens.
"""

from booruflow.tags.policy import is_plain, own_entries

TOKENS_OF_POLICY = config["tokens"]["tags"] == "policy"
POLICY_APPLIES = TOKENS_OF_POLICY or not is_plain(TAG_POLICY)


rule tag_policy:
    input:
        posts=rules.posts.output.posts,
        tables=[*TAG_POLICY["aliases"], *TAG_POLICY["implications"]],
    output:
        **({"posts": "results/tags/posts.parquet"} if TOKENS_OF_POLICY else {}),
        tags="results/tags/tags.parquet",
        report="results/tags/policy_report.tsv",
        cutoffs="results/tags/quality_cutoffs.tsv",
    log:
        "results/logs/tag_policy.log",
    benchmark:
        "results/benchmarks/tag_policy.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("tag_policy"),
        policy=verbatim(TAG_POLICY),
        own=verbatim(own_entries(config["tags"], schema["properties"]["tags"], BASE / "policies")),
    conda:
        "../envs/data.yaml"
    message:
        "Tag policy: rename, drop and add tags"
    priority: 3
    script:
        "../scripts/tag_policy.py"


rule tags_json:
    input:
        # without a policy the booru's tags are written as they are
        tags=[] if is_plain(TAG_POLICY) else rules.tag_policy.output.tags,
        posts=rules.posts.output.posts if is_plain(TAG_POLICY) else [],
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
        line=verbatim(TAG_LINE),
    conda:
        "../envs/data.yaml"
    message:
        "Tags JSON: write one line of tags per post"
    priority: 3
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
        sizes=lambda wildcards: sizes(CAPTIONS[int(wildcards.k)]["files"])(wildcards),
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
        sizes=sizes([*METADATA, *CAPTION_FILES]),
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
