"""Captions of each shard: generate them (the only rule that needs a GPU), parse them, and parse edited ones again.

Needs missing/split_{n}.parquet, the images, posts, and the files in edited/. Makes, all in captions/, raw_{n}.jsonl,
skipped_{n}.json, failed_{n}.json, stats_{n}.json, good_{n}.json, bad_{n}.json and fixed_{n}.json, and failed.json and edits.json of
all shards; on request also edit_list/edited_{n}.json. Finished generations are kept in journal/, and failed attempts are counted
in captions/attempts/. Reads the config sections captioner, captions and inputs.

Rules that captioning waits for have a priority, in all rule files, and the longest of them a higher one, so that GPUs start
early.
"""

# the environment of each backend that loads a model also has the packages of tipo, and that one those of servers
CAPTION_ENV = "tipo" if CAPTIONER["backend"] in ("openai", "server") and CAPTIONER["fallback"] else CAPTIONER["backend"]


rule caption:
    input:
        split="results/missing/split_{n}.parquet",
    output:
        raw="results/captions/raw_{n}.jsonl",
        skipped="results/captions/skipped_{n}.json",
        failed="results/captions/failed_{n}.json",
        stats="results/captions/stats_{n}.json",
    log:
        "results/logs/caption_{n}.log",
    benchmark:
        "results/benchmarks/caption_{n}.tsv"
    threads: CAPTIONER["threads"]
    resources:
        gpu=int(any(backend.needs_gpu for backend in BACKENDS)),
        mem_mb=CAPTIONER["mem_mb"],
        runtime=CAPTIONER["runtime"],
    params:
        code=code("caption"),
        identity=lambda wildcards: identity(),
        prompt={"style": CAPTIONER["style"], "grounding": CAPTIONER["grounding"]},
        due=lambda wildcards: retries_due(wildcards.n),
        journal=JOURNAL,
        attempts=ATTEMPTS,
        shards=len(SHARDS),
    conda:
        f"../envs/{CAPTION_ENV}.yaml"
    message:
        "Captions of shard {wildcards.n}: generate those that the journal lacks"
    priority: 1
    script:
        "../scripts/caption.py"


rule parse:
    input:
        split="results/missing/split_{n}.parquet",
        raw=rules.caption.output.raw,
    output:
        good="results/captions/good_{n}.json",
        bad="results/captions/bad_{n}.json",
    log:
        "results/logs/parse_{n}.log",
    benchmark:
        "results/benchmarks/parse_{n}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("parse"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Captions of shard {wildcards.n}: parse the outputs"
    script:
        "../scripts/parse.py"


rule fixed:
    input:
        posts=rules.posts.output.posts,
        bad=expand(rules.parse.output.bad, n=GENERATED),
        edited=lambda wildcards: edited_files(),
    output:
        fixed=expand("results/captions/fixed_{n}.json", n=SHARDS),
        edits="results/captions/edits.json",
    log:
        "results/logs/fixed.log",
    benchmark:
        "results/benchmarks/fixed.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("fixed"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Fixed captions: parse the edited entries of all files"
    script:
        "../scripts/fixed.py"


rule failed:
    input:
        failed=expand(rules.caption.output.failed, n=GENERATED),
        fixed=rules.fixed.output.fixed,
    output:
        failed="results/captions/failed.json",
    log:
        "results/logs/failed.log",
    benchmark:
        "results/benchmarks/failed.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("failed"),
    conda:
        "../envs/data.yaml"
    message:
        "Failed requests: list those of all shards"
    script:
        "../scripts/failed.py"


rule edit_list:
    input:
        bad=expand(rules.parse.output.bad, n=SHARDS),
        edited=lambda wildcards: edited_files(),
        none=no_edited_lists,
    output:
        lists=EDIT_LISTS,
    log:
        "results/logs/edit_list.log",
    benchmark:
        "results/benchmarks/edit_list.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("edit_list"),
        folder=verbatim(EDITED),
    conda:
        "../envs/data.yaml"
    message:
        "Edit list: bad outputs to edit, in a copy in {params.folder}"
    script:
        "../scripts/edit_list.py"
