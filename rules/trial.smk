"""A trial, on request: a few images captioned as all will be, shown on one page, with the time that all will take.

Needs posts, images and base captions, and what the prompts need. Makes trial/index.html and trial/trial.json, and in trial/ the
drawn posts and the answers of each variant. Captions are kept in journal/trial_{variant}/, where the jobs of the whole run find
them. Reads the config sections captioner and captions.
"""


rule trial_posts:
    input:
        posts=rules.posts.output.posts,
        images=rules.images.output.images,
        captions=rules.base_captions.output.captions,
    output:
        posts="results/trial/posts.parquet",
        draw="results/trial/draw.json",
    log:
        "results/logs/trial_posts.log",
    benchmark:
        "results/benchmarks/trial_posts.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("trial_posts"),
        asked=config["captions"]["trial"],
        seed=config["captions"]["trial_seed"],
    conda:
        "../envs/data.yaml"
    message:
        "Trial: draw {params.asked} images without a caption"
    script:
        "../scripts/trial_posts.py"


rule trial_captions:
    input:
        split=rules.trial_posts.output.posts,
        traits=lambda wildcards: rules.traits.output.traits if "traits" in TRIAL[wildcards.variant]["grounding"] else [],
        info=lambda wildcards: TRIAL[wildcards.variant]["info"] or [],
    output:
        raw="results/trial/{variant}/raw.jsonl",
        skipped="results/trial/{variant}/skipped.json",
        failed="results/trial/{variant}/failed.json",
        stats="results/trial/{variant}/stats.json",
        prompts="results/trial/{variant}/prompts.json",
        timings="results/trial/{variant}/timings.json",
    log:
        "results/logs/trial_{variant}.log",
    benchmark:
        "results/benchmarks/trial_{variant}.tsv"
    threads: lambda wildcards: TRIAL[wildcards.variant]["threads"]
    resources:
        gpu=lambda wildcards: int(needs_gpu(TRIAL[wildcards.variant])),
        mem_mb=lambda wildcards: TRIAL[wildcards.variant]["mem_mb"],
        runtime=lambda wildcards: TRIAL[wildcards.variant]["runtime"],
    params:
        code=code("trial_captions"),
        identity=lambda wildcards: trial_identity(wildcards.variant),
        prompt=lambda wildcards: request_settings(TRIAL[wildcards.variant]),
        due=lambda wildcards: retries_due(0, f"trial_{wildcards.variant}"),
        journal=JOURNAL,
        attempts=ATTEMPTS,
    conda:
        lambda wildcards: f"../envs/{caption_env(TRIAL[wildcards.variant])}.yaml"
    message:
        "Trial: caption the drawn images as {wildcards.variant}"
    script:
        "../scripts/trial_captions.py"


rule trial:
    input:
        posts=rules.trial_posts.output.posts,
        draw=rules.trial_posts.output.draw,
        raw=expand(rules.trial_captions.output.raw, variant=TRIAL),
        skipped=expand(rules.trial_captions.output.skipped, variant=TRIAL),
        failed=expand(rules.trial_captions.output.failed, variant=TRIAL),
        prompts=expand(rules.trial_captions.output.prompts, variant=TRIAL),
        timings=expand(rules.trial_captions.output.timings, variant=TRIAL),
    output:
        page="results/trial/index.html",
        json="results/trial/trial.json",
    log:
        "results/logs/trial.log",
    benchmark:
        "results/benchmarks/trial.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("trial"),
        shards=len(SHARDS),
        variants=lambda wildcards: {name: trial_settings(name) for name in TRIAL},
    conda:
        "../envs/report.yaml"
    message:
        "Trial: show the captions, and what all of them will take"
    script:
        "../scripts/trial.py"
