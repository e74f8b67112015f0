"""The plan of docs/architecture.md, held against the code."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "scripts/booruflow"
ORDER = (
    "demo",
    "cli",
    "review",
    "trial",
    "report",
    "exports",
    "texts",
    "tag_model",
    "tokens",
    "quality",
    "products",
    "captioning",
    "tags",
    "sources",
    "core",
)
"""A room imports from itself and from those after it."""

MODULES = sorted(LIBRARY.rglob("*.py"))
MAX_LINES, MAX_MODULES = 300, 12


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0]


def rooms_imported(path: Path) -> set[str]:
    """Rooms that a module names in an import, also inside a function."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("booruflow.")}


def test_the_library_holds_rooms_only():
    assert {path.name for path in LIBRARY.iterdir()} - {"__pycache__"} == {*ORDER, "__init__.py", "py.typed"}


@pytest.mark.parametrize("room", ORDER)
def test_imports_point_downwards(room):
    below = set(ORDER[ORDER.index(room) :])
    upwards = {str(path): rooms_imported(path) - below for path in MODULES if room_of(path) == room}
    assert {path: rooms for path, rooms in upwards.items() if rooms} == {}


def test_no_module_is_long():
    assert [str(path) for path in MODULES if path.read_text("utf-8").count("\n") > MAX_LINES] == []


def test_no_room_is_crowded():
    folders = {path.parent for path in MODULES}
    crowded = {str(folder): len(list(folder.glob("[!_]*.py"))) for folder in folders}
    assert {folder: count for folder, count in crowded.items() if count > MAX_MODULES} == {}


def test_each_room_says_what_comes_in_and_what_goes_out():
    for folder in {path.parent for path in MODULES} - {LIBRARY}:
        tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
        assert len(tree.body) == 1 and ast.get_docstring(tree), f"{folder}: an __init__ holds a docstring and nothing else"
