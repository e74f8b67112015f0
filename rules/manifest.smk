"""The manifest: sizes, digests and counts of all products, written after all consistency checks pass; and the target verify.

Needs all products. Makes manifest.json. Reads the config sections captions, text, tars, subsets and exports.
The changes since the run before are not in it, so that equal inputs give an equal manifest.
`snakemake verify` compares all products with the manifest, byte for byte, and names those that differ; `snakemake all verify`
builds first.
"""


rule manifest:
    input:
        **text_files("posts", "tags", "captions"),
        missing_before=rules.missing.output.missing,
        shards=rules.shards.output.tables,
        counts=rules.meta_cap.output.counts,
        lat=rules.meta_lat.output.json,
        missing=rules.missing_final.output.missing,
        caption_tars=tars_of("", "captions")[-1],
        tag_tars=tars_of("", "tags")[-1],
        others=[
            rules.meta_lat.output.jsonl,
            *rules.shards.output.json,
            *rules.images.output,
            *rules.resolutions.output,
            *UNREADABLE,
            *rules.base_captions.output,
            *expand("results/captions/{outcome}_{n}.json", outcome=["good", "bad", "skipped", "failed"], n=GENERATED),
            *(rules.fixed.output if FIXED else []),
            *(rules.failed.output if GENERATED else []),
            *(rules.tag_policy.output if POLICY_APPLIES else []),
            *([TRAITS] if TRAITS else []),
            *style_files(),
            *(rules.kohya_resolutions.output if RESOLUTIONS else []),
            *(rules.metadata_csv.output if CSV else []),
            *[f"results/converted/captions_{k}.parquet" for k, source in enumerate(CAPTIONS) if is_json(source["files"][0])],
            *rules.prevalence.output,
            *rules.vocab.output,
            *rules.tokens.output,
            *rules.token_plots.output,
        ],
        subsets=[path for name in config["subsets"] for path in subset_files(name)],
        exports=[path for name in config["exports"] for path in export_files(name)],
    output:
        manifest="results/manifest.json",
    log:
        "results/logs/manifest.log",
    benchmark:
        "results/benchmarks/manifest.tsv"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=code("manifest"),
        text=verbatim(TEXT),
        text_files=text_files(),
        tars=config["tars"]["count"],
        records=str(RECORDS),
        image_name=verbatim(IMAGE_NAME),
    conda:
        "../envs/data.yaml"
    message:
        "Manifest: check the products, record sizes, digests and counts"
    script:
        "../scripts/manifest.py"


rule verify:
    input:
        built_before_verify,
    log:
        "results/logs/verify.log",
    # no benchmark: Snakemake would take it for an output, and have nothing to do the next time
    threads: 4
    resources:
        mem_mb=2000,
    params:
        results="results",
        records=str(RECORDS),
    conda:
        "../envs/data.yaml"
    message:
        "Verify: compare all products with the manifest"
    script:
        "../scripts/verify.py"
