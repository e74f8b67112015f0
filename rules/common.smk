"""The checked configuration, and the paths, wildcard constraints, input functions and params that rule files share.

A data set is a folder: all paths are below the folder in which snakemake runs. Products are in results/, what a person edits is in
edited/, and finished generations are in journal/, which outlives results/.
Needs config.yaml; makes results/inputs.json. Reads all sections of the config, and checks them against
rules/schemas/config.schema.yaml.
"""

import functools
import gc
import json
import os
import sys
from pathlib import Path

import yaml

BASE = code_folder()
sys.path.insert(0, str(BASE / "scripts"))
silence_ctrl_c(BASE / "scripts")

from booruflow.captioning.backends.interface import shown_identity
from booruflow.captioning.backends.registry import captioner_errors, open_backends
from booruflow.captioning.failed import unanswered, unanswered_line
from booruflow.core.code_digest import code_digest
from booruflow.core.config import check_config, duplicate_keys
from booruflow.core.errors import UserError, counted_noun
from booruflow.products.built import changes, compact_records, read_records, record_outputs, settle
from booruflow.products.summary import print_summary
from booruflow.sources.images.finding import listing_digest
from booruflow.sources.inputs import (
    input_errors,
    image_folders,
    is_csv,
    is_json,
    list_edited,
    record_inputs,
    refuse_other_inputs,
    trainer_folder,
)

# Snakemake keeps nearly all objects that it makes; with Python's defaults a dry run of the sample takes 0.7 to 1.2 s of 6 longer
gc.set_threshold(100_000, 20, 100)

INPUTS_RECORD = Path("results/inputs.json")

if has_other_config_files() and not is_module(BASE):
    raise WorkflowError(
        "--configfile: Snakemake would mix that file with the config.yaml of this folder: give the data set a folder of its"
        " own (booruflow init FOLDER), with its settings in FOLDER/config.yaml, and run snakemake there"
    )

if repeated := [f"{file}: {line}" for file in yaml_config_files() for line in duplicate_keys(Path(file).read_text("utf-8"))]:
    raise WorkflowError("\n".join(repeated))

try:
    config = check_config(config, yaml.safe_load((BASE / "rules/schemas/config.schema.yaml").read_text("utf-8")))
    refuse_other_inputs(config["inputs"], INPUTS_RECORD)
    CAPTIONER = config.pop("captioner")  # see rule caption
    BACKENDS = open_backends(CAPTIONER)
except UserError as error:
    raise WorkflowError(str(error)) from None

if is_main_process():
    from booruflow.sources.tables.input_checks import table_errors

    errors = [*(f"config.yaml: {line}" for line in input_errors(config)), *table_errors(config["inputs"])]
    if errors and config["captions"]["generate"]:
        errors += captioner_errors(CAPTIONER, check_packages=not uses_conda())
    if errors:
        raise WorkflowError("\n".join(errors))

R = "results"
JOURNAL = "journal"
ATTEMPTS = f"{R}/captions/attempts"
SHARDS = list(range(config["captions"]["shards"]))
GENERATED = SHARDS if config["captions"]["generate"] else []
METADATA = config["inputs"]["metadata"]
CAPTIONS = config["inputs"]["captions"]
IMAGES = image_folders(config["inputs"]["images"])
IMAGE_NAME = config["inputs"]["image_name"]
EDITED = "edited"
EDIT_LISTS = [f"{R}/edit_list/edited_{n}.json" for n in SHARDS]
FIXED = SHARDS if GENERATED or any(Path(EDITED).glob("*")) else []
PARSER = {name: config["captions"][name] for name in ("artist_sentence", "max_characters", "salvage")}
PARSER["style"] = CAPTIONER["style"]

# A job gets this section through its environment. Most of its settings only operate the job, so they are no params, which would
# run it again; and those of a server can hold a secret, which Snakemake would write to .snakemake/scripts with the config.
os.environ.update(BOORUFLOW_CAPTIONER=json.dumps(CAPTIONER))


wildcard_constraints:
    n=r"\d+",
    k=r"\d+",
    subset=r"[A-Za-z0-9_-]+",


@functools.cache
def digest(script):
    """The digest of a script and of the library code that it can run. A change of it reruns the rule."""
    return code_digest(BASE / f"scripts/{script}.py", BASE / "scripts/booruflow")


def code(script):
    """The digest of a script as a param, computed only for rules that have a job."""
    return lambda wildcards: digest(script)


def verbatim(value):
    """A config value as a param; without the function Snakemake would read braces in it as wildcards."""
    return lambda wildcards: value


@functools.cache
def identity():
    """All that determines a caption apart from its request, as a param. Ends the run if captioning is not possible."""
    if is_main_process():
        errors = captioner_errors(CAPTIONER, check_packages=not uses_conda())
        unfinished = any(not Path(f"{R}/captions/raw_{n}.jsonl").exists() for n in GENERATED)
        if is_dry_run() and LOCAL and not GPUS and unfinished and any(backend.needs_gpu for backend in BACKENDS):
            # a real run says so when it starts, of the jobs that it has planned
            errors.append(
                "config.yaml: captioner.device: cuda, and no GPU is visible on this machine: repair the driver, or set cpu"
            )
        if errors:
            sys.exit("\n".join(errors))  # of another exception Snakemake would show the traceback
    return [shown_identity(backend.identity()) for backend in BACKENDS]


@functools.cache
def retries_due(n):
    """The failed attempts of a shard that are followed by another one, as a param: each new one runs the job again."""
    if not Path(ATTEMPTS).exists():
        return "0 retries"  # without the imports, which take a moment
    from booruflow.captioning.failed import read_attempts, retries
    from booruflow.captioning.journal import journal_files

    try:
        return f"{retries(read_attempts(journal_files(Path(ATTEMPTS), int(n), len(SHARDS))))} retries"
    except UserError as error:
        sys.exit(str(error))


@functools.cache
def images_listing():
    """The names, sizes and times of all images, as a param. Only the main process, which plans and records, looks for changes."""
    return listing_digest(IMAGES) if is_main_process() else ""


def caption_tables(wildcards):
    """The parquet files of all caption sources, in the order of the config; JSON sources are converted first."""
    tables = []
    for k, source in enumerate(CAPTIONS):
        tables += [f"{R}/converted/captions_{k}.parquet"] if is_json(source["files"][0]) else source["files"]
    return tables


@functools.cache
def edited_files():
    """All files of edited entries. Ends the run if one cannot be read; names what else lies in their folder."""
    try:
        files, others = list_edited(EDITED)
    except UserError as error:
        sys.exit(str(error))
    if others and is_main_process():
        print(f"{EDITED}: not read, since not called *.json: {', '.join(others)}", file=sys.stderr)
    return files


def no_edited_lists(wildcards):
    """No file. Ends the run if a person has edited an edit list in its place, which a run of its rule would replace."""
    from booruflow.captioning.edit_list import refuse_edited_lists

    try:
        refuse_edited_lists(EDIT_LISTS, EDITED)
    except UserError as error:
        sys.exit(str(error))
    return []


def tars_of(folder, kind):
    """All tars of captions or of tags in a folder of the results, each after its index.

    All tars come from one job. Consumers depend on the last one only, because checking thousands of inputs is slow;
    it is missing, too, when their number has grown.
    """
    return [f"{R}/{folder}tars/{kind}/{n:04d}.{suffix}" for n in range(config["tars"]["count"]) for suffix in ("json", "tar")]


def subset_files(name):
    """The products of a subset; of its tars the last ones."""
    names = ("tags/meta_cap_dd.json", "meta_cap.json", "meta_lat.json", "meta_lat.jsonl")
    last_tars = [tars_of(f"subsets/{name}/", kind)[-1] for kind in ("captions", "tags")]
    return [*(f"{R}/subsets/{name}/{product}" for product in names), *last_tars]


def exit_if_requests_failed():
    """End a run with one line and exit code 1, if requests for captions behind its targets have failed.

    The next run repeats them (see retries_due), unless they wait.
    """
    shards = [job.wildcards.n for job in jobs_of("caption")]
    try:
        failures = unanswered(*(expand(f"{R}/captions/{name}_{{n}}.json", n=shards) for name in ("failed", "fixed")))
    except UserError as error:
        sys.exit(str(error))
    if failures:
        sys.exit(unanswered_line(failures, ATTEMPTS))


def everything():
    """All products, and the intermediate files: Snakemake recreates a missing one only if a target requests it."""
    return [
        *rules.manifest.input,
        *rules.images.output,
        *rules.resolutions.output,
        *UNREADABLE,
        *expand(rules.caption.output, n=GENERATED),
        *(rules.fixed.output if FIXED else []),
        *(rules.failed.output if GENERATED else []),
        *rules.manifest.output,
        *rules.tokens.output,
        *rules.token_plots.output,
    ]
