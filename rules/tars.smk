"""Captions and tags packed in tars by id % count, each with its index; for the whole data set and for each subset.

Needs meta_cap.json and tags/meta_cap_dd.json. Makes tars/captions/*.tar and tars/tags/*.tar with *.json beside them. Reads the
config section tars.
"""


def tar_files(kind):
    """All tars of a kind and their indexes, below the wildcard {scope}."""
    return expand(f"{R}/{{{{scope}}}}tars/{kind}/{{tar}}.{{suffix}}", tar=TARS, suffix=["tar", "json"])


rule caption_tars:
    input:
        entries=f"{R}/{{scope}}meta_cap.json",
    output:
        tar_files("captions"),
    log:
        f"{R}/logs/{{scope}}caption_tars.log",
    benchmark:
        f"{R}/benchmarks/{{scope}}caption_tars.tsv"
    threads: 2
    resources:
        mem_mb=1500,
    params:
        code=code("tars"),
        member="caption",
        suffix="caption",
        tars=config["tars"]["count"],
    conda:
        "../envs/data.yaml"
    message:
        "Caption tars from {input.entries}"
    script:
        "../scripts/tars.py"


rule tag_tars:
    input:
        entries=f"{R}/{{scope}}tags/meta_cap_dd.json",
    output:
        tar_files("tags"),
    log:
        f"{R}/logs/{{scope}}tag_tars.log",
    benchmark:
        f"{R}/benchmarks/{{scope}}tag_tars.tsv"
    threads: 2
    resources:
        mem_mb=1500,
    params:
        code=code("tars"),
        member="tags",
        suffix="txt",
        tars=config["tars"]["count"],
    conda:
        "../envs/data.yaml"
    message:
        "Tag tars from {input.entries}"
    script:
        "../scripts/tars.py"


rule tars:
    input:
        expand(f"{R}/tars/{{kind}}/{{tar}}.tar", kind=["captions", "tags"], tar=TARS),
