"""booruflow: captions, tags and tokens for text-to-image training, from booru metadata and images."""

from snakemake.utils import min_version

min_version("9.16.3")


configfile: "config.yaml"


include: "rules/internals.smk"
include: "rules/common.smk"
include: "rules/records.smk"
include: "rules/machine.smk"
include: "rules/posts.smk"
include: "rules/tags.smk"
include: "rules/missing.smk"
include: "rules/captions.smk"
include: "rules/meta.smk"
include: "rules/tars.smk"
include: "rules/subsets.smk"
include: "rules/tokens.smk"
include: "rules/tag_model.smk"
include: "rules/manifest.smk"
include: "rules/report.smk"
include: "rules/demo.smk"


rule all:
    default_target: True
    input:
        everything(),
    message:
        "All products"


onstart:
    check_gpu_jobs()


onsuccess:
    print_summary(f"{R}/manifest.json")
    exit_if_requests_failed()


onerror:
    remember_unfinished()
