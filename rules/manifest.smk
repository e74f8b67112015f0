"""The manifest: sizes, digests and counts of all products, written after all consistency checks pass.

Needs all products. Makes manifest.json. Reads the config key results and the config sections captions, tars and subsets.
"""


rule manifest:
    input:
        posts=rules.posts.output.posts,
        tags=rules.tags_json.output.tags,
        base=rules.base_captions.output.captions,
        missing_before=rules.missing.output.missing,
        splits=expand(f"{R}/missing/split_{{n}}.parquet", n=GENERATED),
        good=expand(f"{R}/captions/good_{{n}}.json", n=GENERATED),
        bad=expand(f"{R}/captions/bad_{{n}}.json", n=GENERATED),
        skipped=expand(f"{R}/captions/skipped_{{n}}.json", n=GENERATED),
        failed=expand(f"{R}/captions/failed_{{n}}.json", n=GENERATED),
        fixed=expand(f"{R}/captions/fixed_{{n}}.json", n=GENERATED),
        captions=rules.meta_cap.output.captions,
        lat=rules.meta_lat.output.json,
        lat_lines=rules.meta_lat.output.jsonl,
        missing=rules.missing_final.output.missing,
        caption_tars=tars_of("", "captions")[-1],
        tag_tars=tars_of("", "tags")[-1],
        subsets=[path for name in config["subsets"] for path in subset_files(name)],
    output:
        manifest=f"{R}/manifest.json",
    log:
        f"{R}/logs/manifest.log",
    benchmark:
        f"{R}/benchmarks/manifest.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("manifest"),
        results=verbatim(config["results"]),
        tars=config["tars"]["count"],
    conda:
        "../envs/data.yaml"
    message:
        "Manifest: check the products, record sizes, digests and counts"
    script:
        "../scripts/manifest.py"
