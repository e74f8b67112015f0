import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

UNIX = ("fcntl", "resource", "grp", "pwd", "termios")
"""Modules of Python that exist on Unix only."""


def test_rule_files_import_no_unix_modules() -> None:
    rules = "".join(path.read_text("utf-8") for path in ROOT.glob("rules/*.smk"))
    modules = sorted(set(re.findall(r"^from (booruflow[\w.]*) import", rules, re.MULTILINE)))
    assert "booruflow.captioning.gpus.leases" in modules
    code = f"import sys\nfor name in {UNIX}: sys.modules[name] = None\nimport {', '.join(modules)}"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "scripts")}, check=True)


def test_scripts_import_no_unix_modules_but_caption() -> None:
    exceptions = {"caption.py"}  # locks its journal against a second writer
    scripts = {path.name for path in (ROOT / "scripts").glob("*.py")} - exceptions
    source = "".join((ROOT / "scripts" / name).read_text("utf-8") for name in sorted(scripts))
    library = set(re.findall(r"^from booruflow\.([\w.]+) import", source, re.MULTILINE)) - {"demo"}
    imported = {name: (ROOT / f"scripts/booruflow/{name.replace('.', '/')}.py") for name in library}
    texts = {name: path.read_text("utf-8") for name, path in imported.items() if path.exists() and not name.startswith("demo")}
    assert len(texts) > 20
    top = re.compile(rf"^(?:import|from) (?:{'|'.join(UNIX)})\b", re.MULTILINE)
    assert [name for name, text in texts.items() if top.search(text)] == []
