"""From a shard to parsed captions: generate (a GPU a job), parse, and parse again what a person mended.

Needs missing/split_{n}.parquet, the images, and edited_{n}.json where there is one. Makes captions/raw_{n}.jsonl, skipped_{n}.json,
stats_{n}.json, good_{n}.json, bad_{n}.json and fixed_{n}.json, and edit_list/edited_{n}.json on request. Keeps finished
generations in journal/. Reads the config sections captioner and captions. What captioning waits for, in all rule files, has a
priority, and the longest of these steps a higher one: GPUs should start early.
"""

# the environments of backends that load a model have what tipo needs
CAPTION_ENV = "tipo" if (CAPTIONER["backend"], CAPTIONER["fallback"]) == ("openai", "tipo") else CAPTIONER["backend"]


if EDITED and Path(EDITED).resolve() == Path(config["results"], "edit_list").resolve():
    raise WorkflowError(f"config.yaml: inputs.edited: {EDITED} is written anew by edit_list: name another folder")


rule caption:
    input:
        split=f"{R}/missing/split_{{n}}.parquet",
    output:
        raw=f"{R}/captions/raw_{{n}}.jsonl",
        skipped=f"{R}/captions/skipped_{{n}}.json",
        stats=f"{R}/captions/stats_{{n}}.json",
    log:
        f"{R}/logs/caption_{{n}}.log",
    benchmark:
        f"{R}/benchmarks/caption_{{n}}.tsv"
    threads: CAPTIONER["threads"]
    resources:
        gpu=int(any(backend.needs_gpu for backend in BACKENDS)),
        mem_mb=CAPTIONER["mem_mb"],
        runtime=CAPTIONER["runtime"],
    params:
        code=code("caption"),
        identity=lambda wildcards: identity(),
        captioner=verbatim(CAPTIONER),
        images=verbatim(config["inputs"]["images"]),
        journal=f"{R}/journal",
        shards=len(SHARDS),
    conda:
        f"../envs/{CAPTION_ENV}.yaml"
    message:
        "Captions of shard {wildcards.n}: generate what the journal does not have"
    priority: 1
    script:
        "../scripts/caption.py"


rule parse:
    input:
        split=f"{R}/missing/split_{{n}}.parquet",
        raw=rules.caption.output.raw,
    output:
        good=f"{R}/captions/good_{{n}}.json",
        bad=f"{R}/captions/bad_{{n}}.json",
    log:
        f"{R}/logs/parse_{{n}}.log",
    benchmark:
        f"{R}/benchmarks/parse_{{n}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("parse"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Captions of shard {wildcards.n}: good or bad"
    script:
        "../scripts/parse.py"


rule fixed:
    input:
        split=f"{R}/missing/split_{{n}}.parquet",
        bad=rules.parse.output.bad,
        edited=edited,
    output:
        fixed=f"{R}/captions/fixed_{{n}}.json",
    log:
        f"{R}/logs/fixed_{{n}}.log",
    benchmark:
        f"{R}/benchmarks/fixed_{{n}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("fixed"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Captions of shard {wildcards.n}: edited entries parsed again"
    script:
        "../scripts/fixed.py"


rule edit_list:
    input:
        bad=expand(rules.parse.output.bad, n=SHARDS),
    output:
        lists=expand(f"{R}/edit_list/edited_{{n}}.json", n=SHARDS),
    log:
        f"{R}/logs/edit_list.log",
    benchmark:
        f"{R}/benchmarks/edit_list.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("edit_list"),
        edited=verbatim(EDITED),
    conda:
        "../envs/data.yaml"
    message:
        "Edit list: bad outputs to mend and save in {params.edited}"
    script:
        "../scripts/edit_list.py"
