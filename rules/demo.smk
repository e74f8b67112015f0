"""The demo captioner, trained again on request: `snakemake --cores 2 demo_captioner`.

Needs nothing: its training images are drawn during training. Makes demo/captioner/, a folder for captioner.model. Reads
nothing from the config.
"""


rule demo_captioner:
    output:
        folder=directory("results/demo/captioner"),
    log:
        "results/logs/demo_captioner.log",
    benchmark:
        "results/benchmarks/demo_captioner.tsv"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        code=code("demo_captioner"),
        seconds=2700,
    conda:
        "../envs/transformers.yaml"
    message:
        "Demo captioner: train for 45 minutes"
    script:
        "../scripts/demo_captioner.py"
