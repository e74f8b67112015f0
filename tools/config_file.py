"""Write config.yaml of the sample again: its values, with the keys and comments of the schema."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from booruflow.cli.config_text import config_text  # noqa: E402 (the library is found by the line above)
from booruflow.core.config import check_config  # noqa: E402

SCHEMA = "rules/schemas/config.schema.yaml"


def sample_config_text() -> str:
    """The complete config.yaml of the sample, from the values that the file has now."""
    schema = yaml.safe_load((ROOT / SCHEMA).read_text("utf-8"))
    config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    return config_text(schema, check_config(config, schema), SCHEMA)


if __name__ == "__main__":
    (ROOT / "config.yaml").write_text(sample_config_text(), "utf-8")
