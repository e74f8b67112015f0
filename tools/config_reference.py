"""Write docs/config.md, the table of all settings, from the schema of the configuration."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from booruflow.core.config import config_reference  # noqa: E402 (the library is found by the line above)

schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))
(ROOT / "docs/config.md").write_text(config_reference(schema), "utf-8")
