"""The configuration of the data set, checked: every error is one line, and all are shown before the first job.

A data set is a folder: all paths are below the folder in which snakemake runs.
Needs config.yaml, and the files that it names; makes results/inputs.json. Reads all sections of the config, and checks them
against rules/schemas/config.schema.yaml.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import yaml

from booruflow.captioning.backends.registry import captioner_errors, open_backends
from booruflow.captioning.failed import unanswered, unanswered_line
from booruflow.captioning.prompts.settings import views, with_profile
from booruflow.cli.console import console
from booruflow.core.config import check_config
from booruflow.exports.settings import export_errors
from booruflow.quality.settings import quality_errors
from booruflow.report.overview.settings import shown_settings
from booruflow.sources.inputs import input_errors, record_inputs, refuse_other_inputs
from booruflow.tags.policy import column_errors, is_plain, tag_policy
from booruflow.trial.variants import trial_variants

if is_main_process() and not is_module(BASE):
    show_by(lambda: console(known_targets))

CAPTION_RULES = ("caption", "caption_style")
INPUTS_RECORD = Path("results/inputs.json")

if has_other_config_files() and not is_module(BASE):
    sys.exit(
        "--configfile: Snakemake would mix that file with the config.yaml of this folder: give the data set a folder of its"
        " own (booruflow init FOLDER), with its settings in FOLDER/config.yaml, and run snakemake there"
    )

try:
    schema = yaml.safe_load((BASE / "rules/schemas/config.schema.yaml").read_text("utf-8"))
    given_exports = config.get("exports") or {}
    config = check_config(config, schema)
    TAG_POLICY = tag_policy(config["tags"], schema["properties"]["tags"], BASE / "policies")
    refuse_other_inputs(config["inputs"], INPUTS_RECORD)
    SETTINGS = shown_settings(config)
    COMPARE = config["captions"].pop("compare")
    TRIAL = trial_variants(config["captioner"], COMPARE, schema["properties"]["captioner"])
    CAPTIONER = with_profile(config.pop("captioner"))  # see rule caption
except UserError as error:
    sys.exit(str(error))

# further styles; and what meta_cap_{view}.json holds: captions of a style, or those of one name in the answers to a style
STYLES = CAPTIONER["styles"][1:] if config["captions"]["generate"] else []
VIEWS = views(CAPTIONER) if config["captions"]["generate"] else {}

# A job gets this section through its environment. Most of its settings only operate the job, so they are no params, which would
# run it again; and those of a server can hold a secret, which Snakemake would write to .snakemake/scripts with the config.
os.environ.update(BOORUFLOW_CAPTIONER=json.dumps(CAPTIONER), BOORUFLOW_TRIAL=json.dumps(TRIAL))


def is_newer(files, product):
    """Whether one of the files was changed after the product, or the product is not there: only then large files are checked."""
    made = Path(product).stat().st_mtime if Path(product).exists() else 0
    return any(Path(file).stat().st_mtime > made for file in files if Path(file).exists())


if is_main_process():
    from booruflow.products.subset import absent_columns
    from booruflow.sources.buckets import bucket_errors
    from booruflow.sources.posts import POSTS_SCHEMA
    from booruflow.sources.tables.input_checks import misnamed_columns, present_columns, table_errors
    from booruflow.tags.naming import naming_errors
    from booruflow.tokens.settings import tag_model_errors, token_errors

    lines = [*input_errors(config), *bucket_errors(config["meta_lat"]), *quality_errors(config["quality"])]
    lines += [*token_errors(config["tokens"]), *tag_model_errors(config["tag_model"])]
    lines += export_errors(config, TAG_POLICY, VIEWS, given_exports)
    errors = [*(f"config.yaml: {line}" for line in lines), *table_errors(config["inputs"])]
    if not errors and all(map(os.path.exists, config["inputs"]["metadata"])):
        errors += misnamed_columns(config["inputs"])
        present = present_columns(config["inputs"])
        errors += column_errors(TAG_POLICY, present, "no metadata file has its column")
        for name, post_filter in config["subsets"].items():
            errors += absent_columns({*POSTS_SCHEMA, *present}, post_filter, name)
    if not errors and is_newer(
        ["config.yaml", *TAG_POLICY["aliases"], *TAG_POLICY["implications"]], "results/tags/policy_report.tsv"
    ):
        errors += naming_errors(TAG_POLICY)
    if errors and config["captions"]["generate"]:
        errors += captioner_errors(CAPTIONER, check_packages=not uses_conda())
    if errors:
        sys.exit("\n".join(errors))


@contextlib.contextmanager
def exit_on_user_error():
    """End the run with the line of a UserError: of an exception in a param or an input Snakemake would show the traceback."""
    try:
        yield
    except UserError as error:
        sys.exit(str(error))


def check_captioner(captioner, place="captioner"):
    """End the run if captioning is not possible. A real run says later of the jobs that it has planned whether a GPU is there.

    `place` is where in the config the captioner is described.
    """
    errors = captioner_errors(captioner, check_packages=not uses_conda())
    errors = [line.replace("config.yaml: captioner.", f"config.yaml: {place}.") for line in errors]
    unfinished = any(not Path(f"results/captions/raw_{n}.jsonl").exists() for n in GENERATED)
    if is_dry_run() and LOCAL and not GPUS and unfinished and needs_gpu(captioner):
        errors.append("config.yaml: captioner.device: cuda, and no GPU is visible on this machine: repair the driver, or set cpu")
    if errors:
        sys.exit("\n".join(errors))


def needs_gpu(captioner):
    """Whether a caption job puts a model on a GPU."""
    return any(backend.needs_gpu for backend in open_backends(captioner))


def exit_if_requests_failed():
    """End a run with one line and exit code 1, if requests for captions behind its targets have failed.

    The next run repeats them (see retries_due), unless they wait.
    """
    jobs = [f"{getattr(job.wildcards, 'style', '.')}/{{}}_{job.wildcards.n}" for rule in CAPTION_RULES for job in jobs_of(rule)]
    with exit_on_user_error():
        failures = unanswered(*([f"results/captions/{path.format(name)}.json" for path in jobs] for name in ("failed", "fixed")))
    if failures:
        sys.exit(unanswered_line(failures, ATTEMPTS))
