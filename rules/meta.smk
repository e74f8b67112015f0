"""Merged captions, and the metadata that the trainer reads.

Needs base, good and fixed captions, tags JSON and resolutions. Makes meta_cap.json, meta_lat.json, meta_lat.jsonl and
missing_final.json. Reads the config section meta_lat.
"""

# absolute, so that a moved project writes its paths again
TRAINER_FOLDER = str(Path(config["meta_lat"]["folder"] or config["inputs"]["images"]).absolute())


rule meta_cap:
    input:
        base=rules.base_captions.output.captions,
        good=expand(f"{R}/captions/good_{{n}}.json", n=GENERATED),
        fixed=expand(f"{R}/captions/fixed_{{n}}.json", n=GENERATED),
    output:
        captions=f"{R}/meta_cap.json",
    log:
        f"{R}/logs/meta_cap.log",
    benchmark:
        f"{R}/benchmarks/meta_cap.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("meta_cap"),
    conda:
        "../envs/data.yaml"
    message:
        "meta_cap: base, then good, then fixed captions"
    priority: 2  # the tars, which take longest, depend on it
    script:
        "../scripts/meta_cap.py"


rule meta_lat:
    input:
        tags=rules.tags_json.output.tags,
        captions=rules.meta_cap.output.captions,
        resolutions=rules.resolutions.output.resolutions,
        skipped=expand(f"{R}/captions/skipped_{{n}}.json", n=GENERATED),
    output:
        json=f"{R}/meta_lat.json",
        jsonl=f"{R}/meta_lat.jsonl",
    log:
        f"{R}/logs/meta_lat.log",
    benchmark:
        f"{R}/benchmarks/meta_lat.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("meta_lat"),
        key=config["meta_lat"]["key"],
        folder=verbatim(TRAINER_FOLDER),
    conda:
        "../envs/data.yaml"
    message:
        "meta_lat: tags, caption and resolution per image, for the trainer"
    script:
        "../scripts/meta_lat.py"


rule missing_final:
    input:
        posts=rules.posts.output.posts,
        tags=rules.tags_json.output.tags,
        captions=rules.meta_cap.output.captions,
        resolutions=rules.resolutions.output.resolutions,
        skipped=expand(f"{R}/captions/skipped_{{n}}.json", n=GENERATED),
    output:
        missing=f"{R}/missing_final.json",
    log:
        f"{R}/logs/missing_final.log",
    benchmark:
        f"{R}/benchmarks/missing_final.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("missing"),
    conda:
        "../envs/data.yaml"
    message:
        "Missing after the merge"
    script:
        "../scripts/missing.py"
