"""The posts of the run, their images and their training resolutions.

Needs inputs.metadata (parquet and CSV), inputs.images and inputs.resolutions. Makes posts/posts.parquet, images/images.parquet,
images/sizes.parquet and resolutions/resolutions.parquet, all sorted by id, and the lists resolutions/excluded.json and
images/unreadable.json; foreign formats are first converted to converted/*.parquet. What was read of images is remembered in
journal/. Makes changes/ too, what is new since the run before, whose posts are kept there. Reads the config sections inputs, ids and meta_lat.
"""

from booruflow.sources.inputs import is_csv

CSV = [path for path in METADATA if is_csv(path)]
RESOLUTIONS = config["inputs"]["resolutions"]


rule metadata_csv:
    input:
        csv=CSV,
    output:
        parquet="results/converted/metadata.parquet",
    log:
        "results/logs/metadata_csv.log",
    benchmark:
        "results/benchmarks/metadata_csv.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("metadata_csv"),
        sizes=sizes(CSV),
        columns=verbatim(config["inputs"]["columns"]),
    conda:
        "../envs/data.yaml"
    message:
        "Metadata: convert CSV to parquet"
    script:
        "../scripts/metadata_csv.py"


rule kohya_resolutions:
    input:
        json=RESOLUTIONS or [],
    output:
        parquet="results/converted/resolutions.parquet",
    log:
        "results/logs/kohya_resolutions.log",
    benchmark:
        "results/benchmarks/kohya_resolutions.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("kohya_resolutions"),
        sizes=sizes([RESOLUTIONS] if RESOLUTIONS else []),
    conda:
        "../envs/data.yaml"
    message:
        "Resolutions: convert {input.json} to parquet"
    script:
        "../scripts/kohya_resolutions.py"


METADATA_TABLES = [path for path in METADATA if not is_csv(path)] + ([rules.metadata_csv.output.parquet] if CSV else [])
ID_TABLE = rules.kohya_resolutions.output.parquet if config["ids"] == "resolutions" else []


rule posts:
    input:
        metadata=METADATA_TABLES,
        resolutions=ID_TABLE,
    output:
        posts="results/posts/posts.parquet",
    log:
        "results/logs/posts.log",
    benchmark:
        "results/benchmarks/posts.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("posts"),
        sizes=sizes(METADATA),
        columns=verbatim(config["inputs"]["columns"]),
    conda:
        "../envs/data.yaml"
    message:
        "Posts: check the metadata and sort it by id"
    priority: 2
    script:
        "../scripts/posts.py"


rule changes:
    input:
        posts=rules.posts.output.posts,
    output:
        changes="results/changes/changes.parquet",
        counts=CHANGE_COUNTS,
        summary="results/changes/changes.txt",
    log:
        "results/logs/changes.log",
    benchmark:
        "results/benchmarks/changes.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("changes"),
        kept="results/changes/kept",  # no output: Snakemake would delete it before it is compared
    conda:
        "../envs/data.yaml"
    message:
        "Changes: compare the posts with those of the run before"
    script:
        "../scripts/changes.py"


rule images:
    output:
        images="results/images/images.parquet",
    log:
        "results/logs/images.log",
    benchmark:
        "results/benchmarks/images.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("images"),
        folders=verbatim(IMAGES),
        image_name=verbatim(IMAGE_NAME),
        listing=lambda wildcards: images_listing(),
    conda:
        "../envs/data.yaml"
    message:
        "Images: list the files"
    priority: 1
    script:
        "../scripts/images.py"


rule resolutions:
    input:
        posts=rules.posts.output.posts,
        images=rules.images.output.images,
        kohya=rules.kohya_resolutions.output.parquet if RESOLUTIONS else [],
    output:
        sizes="results/images/sizes.parquet",
        resolutions="results/resolutions/resolutions.parquet",
        excluded="results/resolutions/excluded.json",
    log:
        "results/logs/resolutions.log",
    benchmark:
        "results/benchmarks/resolutions.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("resolutions"),
        image_name=verbatim(IMAGE_NAME),
        need_image=bool(IMAGES),
        journal=JOURNAL,
        bucket_rule={
            "resolution": config["meta_lat"]["resolution"],
            "min_reso": config["meta_lat"]["min_bucket_reso"],
            "max_reso": config["meta_lat"]["max_bucket_reso"],
            "step": config["meta_lat"]["bucket_reso_steps"],
            "no_upscale": config["meta_lat"]["bucket_no_upscale"],
        },
    conda:
        "../envs/data.yaml"
    message:
        "Resolutions: find the training resolution of each post"
    priority: 1
    script:
        "../scripts/resolutions.py"


rule check_images:
    input:
        posts=rules.posts.output.posts,
        images=rules.images.output.images,
    output:
        unreadable="results/images/unreadable.json",
    log:
        "results/logs/check_images.log",
    benchmark:
        "results/benchmarks/check_images.tsv"
    threads: 4
    resources:
        mem_mb=2500,
    params:
        code=code("check_images"),
        journal=JOURNAL,
    conda:
        "../envs/data.yaml"
    message:
        "Images: decode those that are new or changed"
    script:
        "../scripts/check_images.py"


UNREADABLE = rules.check_images.output if IMAGES and config["inputs"]["check_images"] else []
