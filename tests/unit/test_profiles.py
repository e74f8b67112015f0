from pathlib import Path

import pytest
import yaml

PROFILES = Path(__file__).parents[2] / "profiles"


def profile(name: str) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load((PROFILES / name / "config.yaml").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("name", ["workstation", "slurm"])
def test_other_profiles_keep_the_settings_of_the_default_profile(name: str) -> None:
    kept = profile("default")
    if name == "slurm":  # cores are those of one machine: a cluster counts jobs
        del kept["cores"]
        assert "cores" not in profile(name) and profile(name)["jobs"]
    assert kept.items() <= profile(name).items()


def test_grouped_rules_exist() -> None:
    rules = "".join(path.read_text("utf-8") for path in (PROFILES.parent / "rules").glob("*.smk"))
    groups = profile("slurm")["groups"]
    assert isinstance(groups, dict) and groups
    assert [rule for rule in groups if f"\nrule {rule}:\n" not in rules] == []
