"""Another workflow, with its own folder and config, uses this one as a module."""

import json
from pathlib import Path

import pytest
import yaml
from projects import ROOT, Project

SNAKEFILE = f"""
configfile: "config.yaml"

module booruflow:
    snakefile: {str(ROOT / "Snakefile")!r}
    config: config["booruflow"]

use rule * from booruflow as booruflow_*

rule count:
    default_target: True
    input: "results/meta_lat.json"
    output: "count.txt"
    shell: "wc -l < {{input:q}} > {{output}}"
"""


@pytest.mark.parametrize("generate", [False, True])
def test_another_workflow_uses_the_products(tmp_path: Path, generate: bool) -> None:
    project = Project(tmp_path / "other")
    project.folder.mkdir()
    config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    captions = [{**source, "files": [str(ROOT / file) for file in source["files"]]} for source in config["inputs"]["captions"]]
    inputs = {"metadata": [str(ROOT / "sample/metadata.parquet")], "images": str(ROOT / "sample/images"), "captions": captions}
    captioner = {
        key: config["captioner"][key] for key in ("device", "dtype", "min_pixels", "max_pixels", "max_new_tokens", "mem_mb")
    }
    booruflow = {
        "inputs": inputs,
        "captions": {"generate": generate, "shards": 1},
        "captioner": {**captioner, "model": str(ROOT / "sample/captioner")},
        "tars": {"count": 10},
        "subsets": {},
    }
    (project.folder / "config.yaml").write_text(yaml.safe_dump({"booruflow": booruflow}), "utf-8")
    (project.folder / "Snakefile").write_text(SNAKEFILE, "utf-8")
    triggers = ["--rerun-triggers", "input", "mtime", "params", "software-env", "--"]
    ran = project.run(*triggers, "booruflow_all", "count")
    assert ran.jobs["booruflow_manifest"] == 1
    assert ran.jobs.get("booruflow_caption", 0) == generate
    results = project.folder / "results"
    summary = json.loads((results / "manifest.json").read_bytes())["summary"]
    assert summary["posts"] == 240 and (summary["good"] > 20) == generate
    assert int((project.folder / "count.txt").read_text()) == summary["for_the_trainer"] + 2
    assert project.plan(*triggers, "booruflow_all", "count") == {}
    assert not (ROOT / "count.txt").exists()
