"""The demo captioner trained anew, on request: `snakemake --cores 2 demo_captioner`.

Needs nothing: images are drawn as it goes. Makes demo/captioner/, a folder to set captioner.model to. Reads nothing from the config.
"""


rule demo_captioner:
    output:
        folder=directory(f"{R}/demo/captioner"),
    log:
        f"{R}/logs/demo_captioner.log",
    benchmark:
        f"{R}/benchmarks/demo_captioner.tsv"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        seconds=2700,
    conda:
        "../envs/transformers.yaml"
    message:
        "Demo captioner: 45 minutes of training"
    script:
        "../scripts/demo_captioner.py"
