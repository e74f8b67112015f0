"""The folder, and config.yaml as a file, read before Snakemake reads it, whose own errors name neither file nor line.

Needs and makes nothing. Reads no section of the config.
"""

import os
import sys

BASE = code_folder()
sys.path.insert(0, str(BASE / "scripts"))
silence_ctrl_c(BASE / "scripts")

from booruflow.core.config import read_yaml
from booruflow.core.errors import UserError

if set("{}") & set(str(BASE)):
    sys.exit(f"{BASE}: Snakemake takes braces in the path of its files for wildcards: rename the folder")

if not is_module(BASE) and not Path("config.yaml").exists():
    sys.exit("config.yaml: not in this folder: run snakemake in the folder of a data set; `booruflow init FOLDER` makes one")

for folder in ("results", "journal"):
    if os.path.lexists(folder) and not os.path.isdir(folder):
        sys.exit(f"{folder}: not a folder, or a link to none: mount the disk that it leads to, or remove the name")

for file in yaml_config_files() if is_module(BASE) else ["config.yaml"]:
    try:
        content = read_yaml(Path(file))
    except UserError as error:
        sys.exit(str(error))
    if not isinstance(content, dict):
        sys.exit(f"{file}: holds no section such as inputs: write one, or let `booruflow init FOLDER` make the file")
