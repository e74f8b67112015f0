"""The report: plots, and a page of images beside their captions. `snakemake --report` combines them in one page.

Needs posts, images, tags JSON, resolutions, base, good, fixed and merged captions, bad outputs, skipped and failed ids. Makes
report/*.svg and report/contact_sheet.html. Reads the config section captions.
"""


report: "report/workflow.rst"


rule plots:
    input:
        posts=rules.posts.output.posts,
        tags=rules.tags_json.output.tags,
        captions=rules.meta_cap.output.captions,
        good=expand("results/captions/good_{n}.json", n=GENERATED),
        bad=expand("results/captions/bad_{n}.json", n=GENERATED),
        skipped=expand("results/captions/skipped_{n}.json", n=GENERATED),
        failed=expand("results/captions/failed_{n}.json", n=GENERATED),
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
        resolutions=rules.resolutions.output.resolutions,
    output:
        coverage=report(
            "results/report/coverage.svg",
            caption="report/coverage.rst",
            category="Captions",
            labels={"plot": "sources of the texts"},
        ),
        outcomes=report(
            "results/report/outcomes.svg",
            caption="report/outcomes.rst",
            category="Captions",
            labels={"plot": "outcomes by shard"},
        ),
        lengths=report(
            "results/report/lengths.svg",
            caption="report/lengths.rst",
            category="Captions",
            labels={"plot": "caption lengths"},
        ),
        resolutions=report(
            "results/report/resolutions.svg",
            caption="report/resolutions.rst",
            category="Images",
            labels={"plot": "training resolutions"},
        ),
    log:
        "results/logs/plots.log",
    benchmark:
        "results/benchmarks/plots.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("plots"),
    conda:
        "../envs/report.yaml"
    message:
        "Plots: draw coverage, outcomes, lengths and resolutions"
    script:
        "../scripts/plots.py"


rule contact_sheet:
    input:
        tags=rules.tags_json.output.tags,
        images=rules.images.output.images,
        base=rules.base_captions.output.captions,
        good=expand("results/captions/good_{n}.json", n=GENERATED),
        bad=expand("results/captions/bad_{n}.json", n=GENERATED),
        fixed=expand("results/captions/fixed_{n}.json", n=FIXED),
    output:
        page=report(
            "results/report/contact_sheet.html",
            caption="report/contact_sheet.rst",
            category="Images",
            labels={"plot": "images and captions"},
        ),
    log:
        "results/logs/contact_sheet.log",
    benchmark:
        "results/benchmarks/contact_sheet.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("contact_sheet"),
    conda:
        "../envs/report.yaml"
    message:
        "Contact sheet: show images beside their captions"
    script:
        "../scripts/contact_sheet.py"


rule report:
    input:
        rules.plots.output,
        rules.contact_sheet.output,
