"""The report: one page about what became of the posts and what it cost, which `snakemake --report` links to.

Needs posts, images, tags JSON, resolutions and why posts have none, base, good, fixed and merged captions with their counts, raw and bad
outputs, skipped and failed ids, statistics of the shards, meta_lat.jsonl, with text.variants missing_final.json, changes, flags, and the
tables of the token file. Makes report/index.html. Reads all sections of the config, which the page shows without secrets.
"""


report: "report/workflow.rst"


rule report:
    input:
        **PREVALENCE,
        posts=rules.posts.output.posts,
        tags=rules.tags_json.output.tags,
        captions=rules.meta_cap.output.captions,
        counts=rules.meta_cap.output.counts,
        lat=rules.meta_lat.output.jsonl,
        resolutions=rules.resolutions.output.resolutions,
        excluded=rules.resolutions.output.excluded,
        unreadable=UNREADABLE,
        textless=[rules.missing_final.output.missing] if VARIANTS else [],
        images=rules.images.output.images,
        base=rules.base_captions.output.captions,
        good=expand("results/captions/good_{n}.json", n=GENERATED),
        bad=expand("results/captions/bad_{n}.json", n=GENERATED),
        skipped=expand("results/captions/skipped_{n}.json", n=GENERATED),
        failed=expand("results/captions/failed_{n}.json", n=GENERATED),
        raw=expand("results/captions/raw_{n}.jsonl", n=GENERATED),
        stats=expand("results/captions/stats_{n}.json", n=GENERATED),
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
        quality=QUALITY,
        changes=rules.changes.output.changes,
        change_counts=rules.changes.output.counts,
        costs=rules.vocab.output.costs,
        tokens=rules.tokens.output.counts,
    output:
        page=report("results/report/index.html", caption="report/page.rst", category="Report", labels={"page": "the report"}),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("report"),
        settings=verbatim(SETTINGS),
    conda:
        "../envs/report.yaml"
    message:
        "Report: what became of the posts, and what it cost, on one page"
    script:
        "../scripts/report.py"
