"""All captions merged, and the metadata that the trainer reads.

Needs posts, shards, base, good and fixed captions, bad outputs, skipped and failed ids, unreadable images, tags JSON, tags by the
policy and resolutions. Makes meta_cap.json, captions/counts.json, meta_lat.json, meta_lat.jsonl and missing_final.json. Reads the
config sections meta_lat, text and inputs.images.
"""

from booruflow.sources.inputs import trainer_folders
from booruflow.texts.templates import TEXTS, file_parts, parts_used

USED_PARTS = {name: part for name, part in file_parts(VIEWS).items() if name in (*TEXTS, *parts_used(VARIANTS))}
"""The parts of texts that are files: those that say which posts are in the data set, and those of text.variants."""

TEXT = {
    "variants": VARIANTS,
    "line": TAG_LINE,
    "parts": [(name, member) for name, (member, _) in USED_PARTS.items()],
} if VARIANTS else None  # fmt: skip
"""How texts are made that stand in meta_lat and tars in place of captions; None without text.variants."""


# absolute, so that meta_lat is made again after images in the data set have moved with it
TRAINER_FOLDERS = trainer_folders(config["meta_lat"]["folder"], IMAGES)


rule meta_cap:
    input:
        posts=rules.posts.output.posts,
        splits=expand("results/missing/split_{n}.parquet", n=GENERATED),
        base=rules.base_captions.output.captions,
        good=expand("results/captions/good_{n}.json", n=GENERATED),
        bad=expand("results/captions/bad_{n}.json", n=GENERATED),
        skipped=expand("results/captions/skipped_{n}.json", n=GENERATED),
        failed=expand("results/captions/failed_{n}.json", n=GENERATED),
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
        edits=["results/captions/edits.json"] if FIXED else [],
    output:
        captions="results/meta_cap.json",
        counts="results/captions/counts.json",
    log:
        "results/logs/meta_cap.log",
    benchmark:
        "results/benchmarks/meta_cap.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("meta_cap"),
    conda:
        "../envs/data.yaml"
    message:
        "meta_cap: merge base, good and fixed captions, check that none is lost"
    priority: 2  # the tars wait for it
    script:
        "../scripts/meta_cap.py"


rule meta_lat:
    input:
        **text_files("captions", *([] if VARIANTS else ["tags"])),
        resolutions=rules.resolutions.output.resolutions,
        skipped=[*UNREADABLE, *expand("results/captions/skipped_{n}.json", n=GENERATED)],
    output:
        json="results/meta_lat.json",
        jsonl="results/meta_lat.jsonl",
    log:
        "results/logs/meta_lat.log",
    benchmark:
        "results/benchmarks/meta_lat.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("meta_lat"),
        text=verbatim(TEXT),
        key=config["meta_lat"]["key"],
        folders=verbatim(TRAINER_FOLDERS),
    conda:
        "../envs/data.yaml"
    message:
        "meta_lat: write the metadata that the trainer reads"
    priority: 2
    script:
        "../scripts/meta_lat.py"


rule missing_final:
    input:
        **text_files("posts", "tags", "captions"),
        resolutions=rules.resolutions.output.resolutions,
        skipped=[*UNREADABLE, *expand("results/captions/skipped_{n}.json", n=GENERATED)],
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
    output:
        missing="results/missing_final.json",
    log:
        "results/logs/missing_final.log",
    benchmark:
        "results/benchmarks/missing_final.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("missing"),
        text=verbatim(TEXT),
    conda:
        "../envs/data.yaml"
    message:
        "Missing, after the merge: list posts without tags, caption or resolution"
    script:
        "../scripts/missing.py"
