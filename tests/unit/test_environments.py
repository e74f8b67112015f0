import re
import tomllib
from pathlib import Path

import pytest
import yaml

from environments import ENVIRONMENTS, environment, pins

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("group", ENVIRONMENTS)
def test_the_environment_is_current(group: str) -> None:
    assert (ROOT / f"envs/{group}.yaml").read_text("utf-8") == environment(group), "run `make docs`"


def test_there_is_no_other_environment() -> None:
    assert {path.stem for path in (ROOT / "envs").iterdir()} == set(ENVIRONMENTS)


@pytest.mark.parametrize("group", ENVIRONMENTS)
def test_conda_reads_an_environment_as_python_and_pins(group: str) -> None:
    assert yaml.safe_load(environment(group)) == {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": pins(group)}],
    }


def test_all_is_pinned_and_nothing_twice() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    own = [entry for entries in groups.values() for entry in entries if isinstance(entry, str)]
    assert [pin for pin in own if not re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin)] == []
    names = [pin.partition("==")[0] for pin in own]
    assert sorted(names) == sorted(set(names))


def test_development_has_what_the_rules_have() -> None:
    assert {pin for group in ENVIRONMENTS for pin in pins(group)} <= set(pins("dev"))


def test_rules_name_environments_that_exist() -> None:
    named = {
        name for path in (ROOT / "rules").glob("*.smk") for name in re.findall(r"envs/([\w-]+)\.yaml", path.read_text("utf-8"))
    }
    assert named
    assert named <= set(ENVIRONMENTS)
