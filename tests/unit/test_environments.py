import re
import tomllib
from pathlib import Path

import pytest
import yaml

from environments import ENVIRONMENTS, environment, pins

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("group", ENVIRONMENTS)
def test_the_environment_file_is_up_to_date(group: str) -> None:
    assert (ROOT / f"envs/{group}.yaml").read_text("utf-8") == environment(group), "run `make docs`"


def test_there_is_no_other_environment_file() -> None:
    assert {path.stem for path in (ROOT / "envs").iterdir()} == set(ENVIRONMENTS)


@pytest.mark.parametrize("group", ENVIRONMENTS)
def test_an_environment_is_python_pip_and_pins(group: str) -> None:
    assert yaml.safe_load(environment(group)) == {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": pins(group)}],
    }


def test_every_package_is_pinned_once() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    packages = [entry for entries in groups.values() for entry in entries if isinstance(entry, str)]
    assert [pin for pin in packages if not re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin)] == []
    names = [pin.partition("==")[0] for pin in packages]
    assert sorted(names) == sorted(set(names))


def test_the_development_group_includes_all_environments() -> None:
    assert {pin for group in ENVIRONMENTS for pin in pins(group)} <= set(pins("dev"))


def test_environments_of_rules_exist() -> None:
    used = {
        name for path in (ROOT / "rules").glob("*.smk") for name in re.findall(r"envs/([\w-]+)\.yaml", path.read_text("utf-8"))
    }
    assert used
    assert used <= set(ENVIRONMENTS)
