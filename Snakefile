"""booruflow: captions, tags and tokens for text-to-image training, from booru metadata and images."""

from snakemake.utils import min_version

min_version("9.16.3")


include: "rules/internals.smk"
include: "rules/config_file.smk"


configfile: "config.yaml"


include: "rules/checks.smk"
include: "rules/common.smk"
include: "rules/params.smk"
include: "rules/built.smk"
include: "rules/machine.smk"
include: "rules/posts.smk"
include: "rules/tags.smk"
include: "rules/missing.smk"
include: "rules/captions.smk"
include: "rules/trial.smk"
include: "rules/meta.smk"
include: "rules/quality.smk"
include: "rules/tars.smk"
include: "rules/subsets.smk"
include: "rules/exports.smk"
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
    with exit_on_user_error():
        record_inputs(config["inputs"], INPUTS_RECORD)
        compact_records(RECORDS)
    remove_left_scripts()


onsuccess:
    print_counts()
    exit_if_requests_failed()


if is_main_process():
    when_nothing_runs(exit_if_requests_failed)
