"""Paths, the checked configuration, and what several rule files use. Needs config.yaml; makes nothing."""

import functools
import gc
import itertools
import sys
from pathlib import Path

import yaml

BASE = Path(workflow.current_basedir).parent
sys.path.insert(0, str(BASE / "scripts"))

from booruflow.captioning.backends.registry import open_backends
from booruflow.core.code_digest import code_digest
from booruflow.core.config import check_config
from booruflow.core.errors import UserError
from booruflow.products.summary import print_summary
from booruflow.sources.inputs import check_inputs, is_csv, is_json, listing_digest

gc.set_threshold(100_000, 20, 100)  # what Snakemake makes it keeps: to look for garbage often costs a tenth of its time

try:
    config = check_config(config, yaml.safe_load((BASE / "rules/schemas/config.schema.yaml").read_text()))
    check_inputs(config["inputs"])
    CAPTIONER = config["captioner"]
    BACKENDS = open_backends(CAPTIONER)
except UserError as error:
    raise WorkflowError(str(error)) from None

R = config["results"]
SHARDS = list(range(config["captions"]["shards"]))
GENERATED = SHARDS if config["captions"]["generate"] else []
TARS = [f"{n:04d}" for n in range(config["tars"]["count"])]
METADATA = config["inputs"]["metadata"]
CAPTIONS = config["inputs"]["captions"]
EDITED = config["inputs"]["edited"]
PARSER = {name: config["captions"][name] for name in ("artist_sentence", "max_characters", "salvage")}
PARSER["style"] = CAPTIONER["style"]

TEXTS = {"captions": ("meta_cap.json", "caption", "caption"), "tags": ("tags/meta_cap_dd.json", "tags", "txt")}
"""Of each kind of tar: the file it is made from, the key of its texts there, and the suffix of its members."""


wildcard_constraints:
    n=r"\d+",
    k=r"\d+",
    subset=r"[A-Za-z0-9_-]+",


@functools.cache
def digest(script):
    """A digest of all that a script can run, which decides whether it counts as changed."""
    return code_digest(BASE / f"scripts/{script}.py", BASE / "scripts/booruflow")


def code(script):
    """The digest of a script as a parameter, made for the rules alone that the run needs."""
    return lambda wildcards: digest(script)


def verbatim(value):
    """A value of the config as a parameter; without this Snakemake takes braces in it for wildcards."""
    return lambda wildcards: value


@functools.cache
def identity():
    """All that determines a caption's text apart from its request; a missing model ends Snakemake only where one is needed."""
    try:
        return [backend.identity() for backend in BACKENDS]
    except UserError as error:
        sys.exit(str(error))  # one line, where Snakemake would show any other exception with a traceback


def caption_tables(wildcards):
    """The parquet files of all caption sources, by source; JSON sources are converted first."""
    tables = []
    for k, source in enumerate(CAPTIONS):
        tables += [f"{R}/converted/captions_{k}.parquet"] if is_json(source["files"][0]) else source["files"]
    return tables


def edited(wildcards):
    """The edited bad entries of a shard, where a person has mended some."""
    path = Path(EDITED) / f"edited_{wildcards.n}.json"
    return [str(path)] if EDITED and path.exists() else []


def tars_of(scope, kind):
    """All tars of a kind and their indexes.

    One job makes them all, so who needs them names the last, which is missing when their number has grown: to look up
    thousands takes Snakemake seconds.
    """
    return [f"{R}/{scope}tars/{kind}/{tar}.{suffix}" for tar in TARS for suffix in ("json", "tar")]


def subset_files(name):
    """The products of a subset."""
    made = [
        f"{R}/subsets/{name}/{product}"
        for product in ("tags/meta_cap_dd.json", "meta_cap.json", "meta_lat.json", "meta_lat.jsonl")
    ]
    return [*made, *[tars_of(f"subsets/{name}/", kind)[-1] for kind in TEXTS]]
