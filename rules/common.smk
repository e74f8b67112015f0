"""Paths, the checked configuration, and what several rule files use. Needs config.yaml; makes nothing."""

import itertools
import sys
from pathlib import Path

import yaml

BASE = Path(workflow.current_basedir).parent
sys.path.insert(0, str(BASE / "scripts"))

from booruflow.backends import open_backend
from booruflow.codedigest import code_digest
from booruflow.config import check_config
from booruflow.errors import UserError
from booruflow.pictures import listing_digest
from booruflow.summary import print_summary

try:
    config = check_config(config, yaml.safe_load((BASE / "rules/schemas/config.schema.yaml").read_text()))
except UserError as error:
    raise WorkflowError(f"config: {error}") from None

R = config["results"].replace("{", "{{").replace("}", "}}")
SHARDS = list(range(config["captions"]["shards"]))
GENERATED = SHARDS if config["captions"]["generate"] else []
TARS = [f"{n:04d}" for n in range(config["tars"]["count"])]
METADATA = config["inputs"]["metadata"]
CAPTIONS = config["inputs"]["captions"]
PARSER = {name: config["captions"][name] for name in ("artist_sentence", "max_characters", "salvage")}
PARSER["style"] = config["captioner"]["style"]


wildcard_constraints:
    n=r"\d+",
    k=r"\d+",
    subset=r"[A-Za-z0-9_-]+",


def code(script):
    """What decides whether a rule's code has changed: a digest of all that its script can run."""
    return code_digest(BASE / f"scripts/{script}.py", BASE / "scripts/booruflow")


def verbatim(value):
    """A value of the config as a parameter; without this Snakemake takes braces in it for wildcards."""
    return lambda wildcards: value
