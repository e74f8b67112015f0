"""The posts of the run, their pictures and their training resolutions.

Needs inputs.metadata (parquet or CSV), inputs.pictures, inputs.latents. Makes posts/posts.parquet, pictures/pictures.parquet
and latents/latents.parquet, all sorted by id. Reads the config sections inputs, ids and meta_lat.
"""

CSV = any(path.endswith((".csv", ".csv.gz")) for path in METADATA)
LATENTS = config["inputs"]["latents"]


rule metadata_csv:
    input:
        csv=METADATA if CSV else [],
    output:
        parquet=f"{R}/converted/metadata.parquet",
    log:
        f"{R}/logs/metadata_csv.log",
    benchmark:
        f"{R}/benchmarks/metadata_csv.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("metadata_csv"),
        columns=verbatim(config["inputs"]["columns"]),
    conda:
        "../envs/data.yaml"
    message:
        "Metadata: CSV to parquet"
    script:
        "../scripts/metadata_csv.py"


rule kohya_latents:
    input:
        json=LATENTS or [],
    output:
        parquet=f"{R}/converted/latents.parquet",
    log:
        f"{R}/logs/kohya_latents.log",
    benchmark:
        f"{R}/benchmarks/kohya_latents.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("kohya_latents"),
    conda:
        "../envs/data.yaml"
    message:
        "Latents: resolutions of {input.json}"
    script:
        "../scripts/kohya_latents.py"


METADATA_TABLES = [rules.metadata_csv.output.parquet] if CSV else METADATA
ID_TABLE = rules.kohya_latents.output.parquet if config["ids"] == "latents" else []


rule posts:
    input:
        metadata=METADATA_TABLES,
        latents=ID_TABLE,
    output:
        posts=f"{R}/posts/posts.parquet",
    log:
        f"{R}/logs/posts.log",
    benchmark:
        f"{R}/benchmarks/posts.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("posts"),
        columns=verbatim(config["inputs"]["columns"]),
    conda:
        "../envs/data.yaml"
    message:
        "Posts: metadata checked and sorted by id"
    priority: 2
    script:
        "../scripts/posts.py"


rule pictures:
    output:
        pictures=f"{R}/pictures/pictures.parquet",
    log:
        f"{R}/logs/pictures.log",
    benchmark:
        f"{R}/benchmarks/pictures.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("pictures"),
        folder=verbatim(config["inputs"]["pictures"]),
        listing=listing_digest(config["inputs"]["pictures"]),
    conda:
        "../envs/data.yaml"
    message:
        "Pictures: which there are, and where"
    priority: 1
    script:
        "../scripts/pictures.py"


rule latents:
    input:
        posts=rules.posts.output.posts,
        pictures=rules.pictures.output.pictures,
        kohya=rules.kohya_latents.output.parquet if LATENTS else [],
    output:
        latents=f"{R}/latents/latents.parquet",
    log:
        f"{R}/logs/latents.log",
    benchmark:
        f"{R}/benchmarks/latents.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("latents"),
        folder=verbatim(config["inputs"]["pictures"]),
        rule={
            "resolution": config["meta_lat"]["resolution"],
            "min_reso": config["meta_lat"]["min_bucket_reso"],
            "max_reso": config["meta_lat"]["max_bucket_reso"],
            "step": config["meta_lat"]["bucket_reso_steps"],
            "no_upscale": config["meta_lat"]["bucket_no_upscale"],
        },
    conda:
        "../envs/data.yaml"
    message:
        "Latents: the training resolution of each post"
    priority: 1
    script:
        "../scripts/latents.py"
