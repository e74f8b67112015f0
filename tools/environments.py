"""Write the conda environments of the rules, envs/<group>.yaml, from the dependency groups of pyproject.toml."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

ENVIRONMENTS = ("data", "quality", "transformers", "exllamav2", "openai", "server", "tipo", "tag-model", "report")
"""The dependency groups that rules run in."""


def pins(group: str) -> list[str]:
    """The packages of a dependency group and of the groups it includes, sorted: `name==version`."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    packages = set()
    for entry in groups[group]:
        packages.update(pins(entry["include-group"]) if isinstance(entry, dict) else [entry])
    return sorted(packages)


def environment(group: str) -> str:
    """The conda environment of a dependency group, as YAML."""
    lines = [
        "# Written by `make docs` from the dependency groups of pyproject.toml.",
        "channels: [conda-forge]",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
        *(f"      - {pin}" for pin in pins(group)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all environments."""
    for group in ENVIRONMENTS:
        (ROOT / f"envs/{group}.yaml").write_text(environment(group), "utf-8")


if __name__ == "__main__":
    main()
