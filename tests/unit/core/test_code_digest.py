from pathlib import Path

import pytest

from booruflow.core.code_digest import code_digest, reached_files

MODULE = '''
"""A module."""
import numpy as np

STEP = 2
"""A constant."""

def scaled(x: int) -> int:
    """Scale."""
    return (x + 1) * STEP  # one more
'''
FILES = {
    "run.py": "from booruflow.room.module import scaled\nscaled(1)\n",
    "booruflow/__init__.py": "",
    "booruflow/py.typed": "",
    "booruflow/room/__init__.py": "",
    "booruflow/room/module.py": MODULE,
    "booruflow/room/prompts.toml": "[short]\n",
    "booruflow/room/other.py": "SIZE = 1\n",
    "booruflow/hall/__init__.py": "",
    "booruflow/hall/far.py": "SIZE = 1\n",
    "booruflow/hall/far.toml": "",
}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with a script and a library beside it."""
    return write(tmp_path / "scripts", **FILES)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def digest(scripts: Path) -> str:
    return code_digest(scripts / "run.py", scripts / "booruflow")


def reached(scripts: Path) -> list[str]:
    files = reached_files(scripts / "run.py", scripts / "booruflow")
    return [path.relative_to(scripts / "booruflow").as_posix() for path in files]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  # one more", "  # only\n    # one"),
        ('"""Scale."""', '"""Scale,\n\n    in full."""'),
        ('"""A module."""', ""),
        ('"""A constant."""', ""),
        ("return (x + 1) * STEP", "return (\n        (x + 1)\n        * STEP\n    )"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(scripts: Path, before: str, after: str) -> None:
    first = digest(scripts)
    assert before in MODULE
    write(scripts, **{"booruflow/room/module.py": MODULE.replace(before, after)})
    assert digest(scripts) == first


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.py", FILES["run.py"] + "scaled(2)"),
        ("booruflow/__init__.py", "import os"),
        ("booruflow/room/__init__.py", "import os"),
        ("booruflow/room/module.py", MODULE.replace("x + 1", "x + 2")),
        ("booruflow/room/module.py", MODULE.replace("x: int", "x: float")),
        ("booruflow/room/module.py", MODULE.replace("STEP = 2", "STEP = '2'")),
        ("booruflow/room/module.py", MODULE + "\nUNUSED = None"),
        ("booruflow/room/prompts.toml", "[short]\nstyle = 1\n"),
        ("booruflow/room/new.toml", ""),
    ],
)
def test_code_and_data_that_the_script_reaches_count(scripts: Path, file: str, text: str) -> None:
    first = digest(scripts)
    write(scripts, **{file: text})
    assert digest(scripts) != first


def test_what_the_script_does_not_reach_does_not_count(scripts: Path) -> None:
    assert reached(scripts) == ["__init__.py", "room/__init__.py", "room/module.py", "room/prompts.toml"]
    first = digest(scripts)
    write(
        scripts,
        **{
            "booruflow/room/other.py": "SIZE = 2",
            "booruflow/hall/__init__.py": "import os",
            "booruflow/hall/far.toml": "x = 1",
            "booruflow/room/.prompts.toml.swp": "",
            "booruflow/room/__pycache__/module.cpython-311.pyc": "",
            "debtags.py": "x = 1",
        },
    )
    assert digest(scripts) == first


@pytest.mark.parametrize(
    "text",
    [
        "from booruflow.hall.far import SIZE",
        "from booruflow.hall import far",
        "from booruflow.hall import far as near",
        "import booruflow.hall.far",
        "import booruflow.hall.far as near",
        "from ..hall import far",
        "from ..hall.far import SIZE",
        "def f():\n    from booruflow.hall import far",
        "class A:\n    def f(self):\n        with self:\n            from booruflow.hall import far",
        "try:\n    pass\nexcept ImportError:\n    from booruflow.hall import far\n",
        "match 1:\n    case 1:\n        from booruflow.hall import far\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    from booruflow.hall import far",
    ],
)
def test_each_kind_of_import_reaches_a_module_through_another(scripts: Path, text: str) -> None:
    write(scripts, **{"booruflow/room/module.py": text})
    assert {"hall/__init__.py", "hall/far.py", "hall/far.toml"} <= set(reached(scripts))


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_imports_for_type_checkers_reach_nothing(scripts: Path, test: str) -> None:
    write(scripts, **{"booruflow/room/module.py": f"import typing\nif {test}:\n    from booruflow.hall import far"})
    assert not any("hall" in name for name in reached(scripts))


def test_imports_in_a_circle_end(scripts: Path) -> None:
    circle = {"room/module.py": "from booruflow.hall import far", "hall/far.py": "import booruflow.room.module"}
    write(scripts, **{f"booruflow/{name}": text for name, text in circle.items()})
    assert set(circle) <= set(reached(scripts))


def test_the_digest_does_not_depend_on_the_place(scripts: Path, tmp_path: Path) -> None:
    first = digest(scripts)
    assert digest(scripts.rename(tmp_path / "elsewhere")) == first


def test_a_script_that_is_missing_or_does_not_parse_is_named(scripts: Path) -> None:
    write(scripts, **{"run.py": "def f(:"})
    with pytest.raises(SyntaxError) as caught:
        digest(scripts)
    assert caught.value.filename == str(scripts / "run.py")
    (scripts / "run.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"run\.py"):
        digest(scripts)
