"""The real workflow with an environment for each kind of rule, created by a substitute for conda from a local channel.

The tests check that the environments of the rules have the packages that the scripts import; they do not test conda itself.
"""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import conda_standin
import pytest
from projects import ROOT, Project, new_project

from environments import pins

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the local channel has packages for Linux only")

LOADED = """

def write_loaded():
    modules = {name: module.__file__ for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)}
    loaded = {"script": sys.argv[0], "prefix": sys.prefix, "modules": modules}
    Path(f"results/logs/loaded_{os.getpid()}.json").write_text(json.dumps(loaded))

import atexit, json
if ".snakemake/scripts/" in sys.argv[0]:
    atexit.register(write_loaded)
"""
"""Appended to the library in a copy of the project: each job (not Snakemake itself) writes which modules it has loaded."""


@pytest.fixture(scope="module")
def conda(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with which `conda` is the substitute."""
    folder = tmp_path_factory.mktemp("conda")
    subprocess.run([sys.executable, ROOT / "tests/helpers/local_channel.py", folder / "channels"], check=True)
    binaries = conda_standin.install(folder / "substitute")
    path = f"{binaries}:{Path('/usr/local/bin')}:/usr/bin:/bin"
    return {"PATH": path, "CONDA_CHANNEL_ALIAS": (folder / "channels").as_uri(), "PIP_NO_COMPILE": "1"}


def environments_of_scripts() -> dict[str, str]:
    """Script -> environment, from the rule files."""
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "rules").glob("*.smk"))
    rules = rules.replace("{QUALITY_ENV}", "data")  # without tokenizers
    rules = re.sub(r"\{caption_env\([^}]*\)\}", "transformers", rules)
    return {
        script: env for env, script in re.findall(r'envs/([\w-]+)\.yaml"\n(?:(?!envs/).)*?scripts/(\w+)\.py', rules, re.DOTALL)
    }


@cache
def packages_of(group: str) -> set[str]:
    """The top-level modules of a group's packages that are installed here."""
    names = {pin.partition("==")[0] for pin in pins(group)}
    return {
        module for module, owners in importlib.metadata.packages_distributions().items() if names & {o.lower() for o in owners}
    }


def test_each_rule_imports_from_its_own_environment_only(conda: dict[str, str], tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", tars__count=10)
    library = project.folder / "scripts/booruflow/core/jobs.py"
    library.write_text(library.read_text("utf-8") + LOADED, "utf-8")
    project.run("all", "report", "trial", "--sdm", "conda", **conda)

    environments, prefixes = environments_of_scripts(), dict[str, str]()
    for path in project.folder.glob("results/logs/loaded_*.json"):
        loaded = json.loads(path.read_bytes())
        rule = loaded["script"].rsplit(".", 2)[-2]
        group = environments[rule]
        assert Path(loaded["prefix"]).is_relative_to(project.folder / ".snakemake/conda")
        assert prefixes.setdefault(group, loaded["prefix"]) == loaded["prefix"]
        own = packages_of(group)
        outside = [file for name, file in loaded["modules"].items() if name in own and not file.startswith(loaded["prefix"])]
        assert outside == [], rule
        assert {"polars", "orjson"} & loaded["modules"].keys() or rule in ("images", "failed"), rule
    assert len(set(prefixes.values())) == len(prefixes) == 3
    shutil.rmtree(project.folder / ".snakemake/conda")  # several gigabytes that pytest would keep


def test_a_rule_fails_if_its_environment_lacks_a_package(conda: dict[str, str], tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    environment = project.folder / "envs/data.yaml"
    lines = [line for line in environment.read_text("utf-8").splitlines() if "==" not in line or "tqdm" in line]
    environment.write_text("\n".join(lines), "utf-8")
    ran = project.run("results/posts/posts.parquet", "--sdm", "conda", code=1, **conda)
    assert "ModuleNotFoundError: No module named 'polars'" in ran.text or "No module named 'orjson'" in ran.text
    assert not project.path("posts/posts.parquet").exists()
    assert Project(project.folder).left_behind() == []
