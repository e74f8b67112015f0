"""What makes captions suspicious, found without a model; and the edit list, of bad outputs and of flagged captions.

Needs posts, base, good and fixed captions, bad outputs and meta_cap.json. Makes quality/flags.parquet, a row for each post and flag, and
quality/counts.json; on request edit_list/edited_{n}.json. Reads the config sections quality, captions and captioner.
"""

from booruflow.quality.settings import check_settings, wanted_flags

QUEUE = config["quality"]["queue"]
TOKENIZERS = config["quality"]["tokenizers"]
QUALITY_ENV = "quality" if any(TOKENIZERS.values()) else "data"


rule quality:
    input:
        posts=rules.posts.output.posts,
        base=rules.base_captions.output.captions,
        good=expand("results/captions/good_{n}.json", n=GENERATED),
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
        clip=TOKENIZERS["clip"] or [],
        t5=TOKENIZERS["t5"] or [],
    output:
        flags="results/quality/flags.parquet",
        counts="results/quality/counts.json",
    log:
        "results/logs/quality.log",
    benchmark:
        "results/benchmarks/quality.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("quality"),
        settings=verbatim(check_settings(config, request_settings(CAPTIONER), bool(GENERATED))),
    conda:
        f"../envs/{QUALITY_ENV}.yaml"
    message:
        "Quality: flag suspicious captions"
    script:
        "../scripts/quality.py"


# all flags can be switched off
QUALITY = rules.quality.output if wanted_flags(config["quality"]) else []


rule edit_list:
    input:
        bad=expand(rules.parse.output.bad, n=GENERATED),
        edited=lambda wildcards: edited_files(),
        none=no_edited_lists,
        captions=rules.meta_cap.output.captions if QUEUE else [],
        flags=rules.quality.output.flags if QUEUE else [],
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
        queue=QUEUE,
    conda:
        "../envs/data.yaml"
    message:
        "Edit list: collect bad outputs and flagged captions, to copy to {params.folder}/ and edit there"
    script:
        "../scripts/edit_list.py"
