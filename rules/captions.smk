"""Captions of each shard: generate them (the only rule that needs a GPU), parse them, and parse edited ones again.

Needs missing/split_{n}.parquet, the images, posts, and the files in edited/. Makes, all in captions/, raw_{n}.jsonl,
skipped_{n}.json, failed_{n}.json, stats_{n}.json, good_{n}.json, bad_{n}.json and fixed_{n}.json, and failed.json and edits.json of
all shards; traits/characters.parquet where the prompt has a place for it; of each further style the same in captions/{style}/, and
its captions in meta_cap_{style}.json. Finished generations are kept in journal/, and
failed attempts are counted in captions/attempts/. Reads the config sections captioner, captions and inputs.

Rules that captioning waits for have a priority, in all rule files, and the longest of them a higher one, so that GPUs start
early. The longest of the others have the highest, so that no core is without work while the last of them runs.
"""


rule traits:
    input:
        posts="results/posts/posts.parquet",
    output:
        traits="results/traits/characters.parquet",
    log:
        "results/logs/traits.log",
    benchmark:
        "results/benchmarks/traits.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("traits"),
    conda:
        "../envs/data.yaml"
    message:
        "Traits: find the usual tags of each character"
    priority: 1
    script:
        "../scripts/traits.py"


# only where the prompt has a place for them
TRAITS = rules.traits.output.traits if GENERATED and "traits" in CAPTIONER["grounding"] else []


rule caption:
    input:
        split="results/missing/split_{n}.parquet",
        traits=TRAITS,
        info=CAPTIONER["info"] or [],
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
        gpu=int(needs_gpu(CAPTIONER)),
        mem_mb=CAPTIONER["mem_mb"],
        runtime=CAPTIONER["runtime"],
    params:
        code=code("caption"),
        identity=lambda wildcards: identity(),
        prompt=verbatim(request_settings(CAPTIONER)),
        due=lambda wildcards: retries_due(wildcards.n),
        journal=JOURNAL,
        attempts=ATTEMPTS,
        shards=len(SHARDS),
    conda:
        f"../envs/{caption_env(CAPTIONER)}.yaml"
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
        parser=parser(CAPTIONER["style"]),
    conda:
        "../envs/data.yaml"
    message:
        "Captions of shard {wildcards.n}: parse the outputs"
    script:
        "../scripts/parse.py"


if STYLES:

    # of a further style: the same jobs, in a folder of its name; their outputs are not edited
    use rule caption as caption_style with:
        output:
            raw="results/captions/{style}/raw_{n}.jsonl",
            skipped="results/captions/{style}/skipped_{n}.json",
            failed="results/captions/{style}/failed_{n}.json",
            stats="results/captions/{style}/stats_{n}.json",
        log:
            "results/logs/caption_{style}_{n}.log",
        benchmark:
            "results/benchmarks/caption_{style}_{n}.tsv"
        params:
            code=code("caption"),
            identity=lambda wildcards: identity(wildcards.style),
            prompt=lambda wildcards: request_settings(for_style(CAPTIONER, wildcards.style)),
            due=lambda wildcards: retries_due(wildcards.n, wildcards.style),
            journal=JOURNAL,
            attempts=ATTEMPTS,
            shards=len(SHARDS),
        message:
            "Captions of shard {wildcards.n} in style {wildcards.style}: generate those that the journal lacks"

    use rule parse as parse_style with:
        input:
            split="results/missing/split_{n}.parquet",
            raw=rules.caption_style.output.raw,
        output:
            good="results/captions/{style}/good_{n}.json",
            bad="results/captions/{style}/bad_{n}.json",
        log:
            "results/logs/parse_{style}_{n}.log",
        benchmark:
            "results/benchmarks/parse_{style}_{n}.tsv"
        params:
            code=code("parse"),
            parser=lambda wildcards: parser(wildcards.style)(wildcards),
        message:
            "Captions of shard {wildcards.n} in style {wildcards.style}: parse the outputs"


if VIEWS:

    rule style_captions:
        input:
            posts=rules.posts.output.posts,
            base=rules.base_captions.output.captions,
            splits=expand("results/missing/split_{n}.parquet", n=GENERATED),
            good=lambda wildcards: outcomes_of(wildcards.view, "good"),
            bad=lambda wildcards: outcomes_of(wildcards.view, "bad"),
            skipped=lambda wildcards: outcomes_of(wildcards.view, "skipped"),
            failed=lambda wildcards: outcomes_of(wildcards.view, "failed"),
        output:
            captions="results/meta_cap_{view}.json",
            counts="results/captions/counts_{view}.json",
        log:
            "results/logs/style_captions_{view}.log",
        benchmark:
            "results/benchmarks/style_captions_{view}.tsv"
        threads: 1
        resources:
            mem_mb=1500,
        params:
            code=code("style_captions"),
            name=lambda wildcards: VIEWS[wildcards.view][1],
        conda:
            "../envs/data.yaml"
        message:
            "Captions {wildcards.view}: check the shards, merge the captions"
        script:
            "../scripts/style_captions.py"


rule fixed:
    input:
        posts=rules.posts.output.posts,
        base=rules.base_captions.output.captions,
        good=expand(rules.parse.output.good, n=GENERATED),
        bad=expand(rules.parse.output.bad, n=GENERATED),
        skipped=expand(rules.caption.output.skipped, n=GENERATED),
        failed=expand(rules.caption.output.failed, n=GENERATED),
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
        parser=parser(CAPTIONER["style"]),
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
