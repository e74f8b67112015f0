from pathlib import Path

import pytest
import yaml

PROFILES = Path(__file__).parents[2] / "profiles"


def profile(name: str) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((PROFILES / name / "config.yaml").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("name", ["workstation", "slurm"])
def test_a_profile_that_replaces_the_default_one_keeps_what_it_says(name: str) -> None:
    assert profile("default").items() <= profile(name).items()


def test_rules_in_groups_exist() -> None:
    rules = "".join(path.read_text("utf-8") for path in (PROFILES.parent / "rules").glob("*.smk"))
    groups = profile("slurm")["groups"]
    assert isinstance(groups, dict) and groups
    assert [rule for rule in groups if f"\nrule {rule}:\n" not in rules] == []
