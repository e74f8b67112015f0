import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from booruflow.core.code_digest import code_digest, reaches

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write files below scripts/ by keyword-like names; `lib/` stands for booruflow/."""

    def write(**files: str) -> Path:
        paths = {name.replace("____init__", "/@").replace("__", "/").replace("@", "__init__"): name for name in files}
        sources = {"lib/__init__.py": "", **{f"{path}.py": files[name] for path, name in paths.items()}}
        for name, text in sources.items():
            path = tmp_path / "scripts" / name.replace("lib/", "booruflow/", 1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path / "scripts"

    return write


def digest(scripts: Path, name: str = "run") -> str:
    return code_digest(scripts / f"{name}.py", scripts / "booruflow")


def names(scripts: Path, name: str = "run") -> list[str]:
    return reaches(scripts / f"{name}.py", scripts / "booruflow")


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


LIBRARY = '''
    """A module."""
    import numpy as np

    STEP = 2
    """A constant."""

    def used(x: int) -> int:
        """Twice."""
        return helper(x) * STEP

    def helper(x):
        return x + 1  # one more

    def unused(x):
        return STEP * 3
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Twice."""', '"""Two times,\n\n    in full."""'),
        ("  # one more", "  # only\n    # one"),
        ("return helper(x) * STEP", "return (\n        helper(x)\n        * STEP\n    )"),
        ('"""A module."""', ""),
        ('"""A constant."""', ""),
        ("return STEP * 3", "return STEP * 4"),
        ("def unused", "def new(): ...\n\n\ndef unused"),
        ("import numpy as np", "import numpy as np\nimport json"),
    ],
)
def test_what_changes_nothing(tree: Tree, old: str, new: str) -> None:
    scripts = tree(run="from booruflow.a import used\nused(1)", lib__a=LIBRARY)
    before = digest(scripts)
    edited(scripts / "booruflow/a.py", old, new)
    assert digest(scripts) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("STEP = 2", "STEP = 3"),
        ("x + 1", "x + 2"),
        ("x: int", "x: float"),
        ("def unused", "print('on import')\n\n\ndef unused"),
        ("def unused", "STEP += 1\n\n\ndef unused"),
        ("def unused", "used.cache = {}\n\n\ndef unused"),
    ],
)
def test_what_changes_the_digest(tree: Tree, old: str, new: str) -> None:
    scripts = tree(run="from booruflow.a import used\nused(1)", lib__a=LIBRARY)
    before = digest(scripts)
    edited(scripts / "booruflow/a.py", old, new)
    assert digest(scripts) != before


def test_order_of_definitions_is_layout_but_order_of_values_is_not(tree: Tree) -> None:
    body = "A = 1\nB = A\ndef f(): return g() + A + B\ndef g(): return 1\n"
    scripts = tree(run="from booruflow.a import f\nf", lib__a=body)
    first = digest(scripts)
    tree(lib__a="A = 1\nB = A\ndef g(): return 1\ndef f(): return g() + A + B\n")
    assert digest(scripts) == first
    tree(lib__a="B = A\nA = 1\ndef f(): return g() + A + B\ndef g(): return 1\n")
    assert digest(scripts) != first


@pytest.mark.parametrize(
    "script",
    [
        "from booruflow.a import used\nused(1)",
        "from booruflow.a import used as other\nother(1)",
        "import booruflow.a as z\nz.used(1)",
        "import booruflow.a\nbooruflow.a.used(1)",
        "from booruflow import a\na.used(1)",
        "def main():\n    from booruflow.a import used\n    used(1)",
        "def main():\n    from booruflow import a as z\n    return z.used",
        "from booruflow.p import used\nused(1)",
        "from booruflow.p.inner import again\nagain()",
        "from booruflow import p\np.used",
        "try:\n    from booruflow.a import used\nexcept ImportError:\n    used = None\nused(1)",
    ],
)
def test_each_way_to_reach_a_function_reaches_it_alone(tree: Tree, script: str) -> None:
    scripts = tree(
        run=script,
        lib__a=LIBRARY,
        lib__p____init__="from ..a import used",
        lib__p__inner="from ..a import used as mine\ndef again(): return mine(2)\ndef alone(): return 1",
    )
    found = names(scripts)
    assert {"booruflow.a.used", "booruflow.a.helper", "booruflow.a.STEP"} <= set(found)
    assert "booruflow.a.unused" not in found
    before = digest(scripts)
    edited(scripts / "booruflow/a.py", "STEP * 3", "STEP * 4")
    assert digest(scripts) == before
    edited(scripts / "booruflow/a.py", "x + 1", "x + 2")
    assert digest(scripts) != before


def test_only_the_scripts_that_reach_a_function_change(tree: Tree) -> None:
    scripts = tree(one="from booruflow.a import used\nused(1)", two="from booruflow.a import unused\nunused(1)", lib__a=LIBRARY)
    before = digest(scripts, "one"), digest(scripts, "two")
    edited(scripts / "booruflow/a.py", "x + 1", "x + 2")
    assert digest(scripts, "one") != before[0]
    assert digest(scripts, "two") == before[1]


def test_a_local_name_does_not_reach_a_definition_of_that_name(tree: Tree) -> None:
    source = """
        def f(shard):
            values = [row for row in shard]
            def inner(value): return value + len(values)
            return inner
        def shard(): ...
        def row(): ...
        def value(): ...
        def values(): ...
        def len(x): ...
    """
    scripts = tree(run="from booruflow.a import f\nf", lib__a=source)
    assert [name for name in names(scripts) if name.count(".") == 2] == ["booruflow.a.f", "booruflow.a.len"]


def test_defaults_decorators_bases_and_annotations_are_reached(tree: Tree) -> None:
    source = """
        import dataclasses
        from typing import NamedTuple, TypeAlias
        Row: TypeAlias = "tuple[Id, ...]"
        Id = int
        class Base: ...
        class Meta(type): ...
        def default(): ...
        class Thing(Base, metaclass=Meta):
            rows: Row = ()
            def rows_of(self, x=default): return x
    """
    scripts = tree(run="from booruflow.a import Thing\nThing", lib__a=source)
    reached = {name.removeprefix("booruflow.a.") for name in names(scripts)}
    assert {"Thing", "Base", "Meta", "Row", "default"} <= reached


def test_type_checking_imports_are_ignored(tree: Tree) -> None:
    source = """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from booruflow.b import Type
        def f(x: "Type") -> Type: ...
    """
    scripts = tree(run="from booruflow.a import f\nf", lib__a=source, lib__b="print(1)\nclass Type: ...")
    assert not any(name.startswith("booruflow.b") for name in names(scripts))


def test_main_part_counts_in_the_script_only(tree: Tree) -> None:
    main = "\nif __name__ == '__main__':\n    go(1)\n"
    scripts = tree(run="from booruflow.a import f\nf" + main, lib__a="def f(): ..." + main)
    before = digest(scripts)
    edited(scripts / "booruflow/a.py", "go(1)", "go(2)")
    assert digest(scripts) == before
    edited(scripts / "run.py", "go(1)", "go(2)")
    assert digest(scripts) != before


def test_what_an_imported_module_runs_counts_though_no_name_of_it_is_used(tree: Tree) -> None:
    scripts = tree(
        run="from booruflow.a import f\nf",
        lib__a="import booruflow.b\nfrom booruflow import c\ndef f(): ...",
        lib__b="TABLE = {}\nTABLE['x'] = 1\ndef g(): ...",
        lib__c="@register\ndef one(): ...\nfrom functools import cache\n@cache\ndef two(): ...",
    )
    assert {"booruflow.b", "booruflow.b.TABLE", "booruflow.c"} <= set(names(scripts))
    assert "booruflow.b.g" not in names(scripts)
    before = digest(scripts)
    edited(scripts / "booruflow/b.py", "= 1", "= 2")
    assert digest(scripts) != before


def test_a_decorator_of_the_library_registers(tree: Tree) -> None:
    scripts = tree(
        run="from booruflow.a import f\nf()\nimport booruflow.b\nimport booruflow.c",
        lib__a="def f(): ...\ndef register(x): return x",
        lib__b="from booruflow.a import register\n@register\ndef one(): ...",
        lib__c="from functools import cache\n@cache\ndef two(): ...\ndef own(f): return f\n@own\ndef three(): ...",
    )
    found = names(scripts)
    assert {"booruflow.b.one", "booruflow.a.register", "booruflow.c.three", "booruflow.c.own"} <= set(found)
    assert "booruflow.c.two" not in found


BACKENDS = {
    "lib__backends____init__": "",
    "lib__backends__one": "def make(): ...\ndef other(): ...",
    "lib__backends__two": "def make(): ...",
    "lib__else": "def nothing(): ...",
}


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        ("def f(n): return import_module(f'booruflow.captioning.backends.{n}').make()", {"one", "two"}),
        ("def f(n): return import_module('booruflow.captioning.backends.one').make()", {"one"}),
        ("WHERE = {'one': 'booruflow.captioning.backends.one:make'}\ndef f(n): return WHERE[n]", {"one"}),
        ("def f(n): return importlib.import_module('.' + n, __package__)", {"one", "two"}),
        ("from booruflow.captioning.backends import one\ndef f(n): return getattr(one, n)", {"one"}),
        ("from booruflow.captioning import backends\ndef f(n): return getattr(backends, n)", {"one", "two"}),
        ("import booruflow.captioning.backends.two as z\ndef f(n): return z.missing", {"two"}),
    ],
)
def test_modules_found_while_running_are_taken_whole(tree: Tree, source: str, reached: set[str]) -> None:
    scripts = tree(run="from booruflow.captioning.backends.by_name import f\nf", lib__backends__by_name=source, **BACKENDS)
    found = set(names(scripts))
    wanted = {
        "one": {"booruflow.captioning.backends.one.make", "booruflow.captioning.backends.one.other"},
        "two": {"booruflow.captioning.backends.two.make"},
    }
    for name, definitions in wanted.items():
        assert (definitions <= found) == (name in reached)
    assert "booruflow.else.nothing" not in found


def test_strings_that_only_look_like_modules_reach_nothing(tree: Tree) -> None:
    scripts = tree(
        run="files('booruflow')\nMAGIC = 'booruflow.captioning.journal/1'\nlog('booruflow.captioning.backends')", **BACKENDS
    )
    assert names(scripts) == []


def test_data_files_count_by_their_bytes(tree: Tree) -> None:
    source = """
        from pathlib import Path
        TEXT = Path(__file__).with_name("prompts.yaml").read_text()
        def template(name): return Path(__file__).parent / "templates" / name
        def other(): return "other.yaml"
    """
    scripts = tree(run="from booruflow.p.a import TEXT, template\nTEXT, template", lib__p____init__="", lib__p__a=source)
    package = scripts / "booruflow/p"
    (package / "templates").mkdir()
    for name in ("prompts.yaml", "other.yaml", "templates/page.html"):
        (package / name).write_text("1")
    assert {"booruflow/p/prompts.yaml", "booruflow/p/templates/page.html"} <= set(names(scripts))
    seen = {digest(scripts)}
    (package / "other.yaml").write_text("2")
    assert digest(scripts) in seen
    for name in ("prompts.yaml", "templates/page.html", "templates/new.html"):
        (package / name).write_text("2")
        assert digest(scripts) not in seen
        seen.add(digest(scripts))


def test_an_import_that_means_something_else_changes_the_digest(tree: Tree) -> None:
    scripts = tree(
        run="from booruflow.a import f, g\nf, g",
        lib__a="from booruflow.b import one as f, two as g",
        lib__b="def one(): ...\ndef two(): ...",
    )
    before = digest(scripts)
    edited(scripts / "booruflow/a.py", "one as f, two as g", "two as f, one as g")
    assert digest(scripts) != before


def test_imports_in_a_circle(tree: Tree) -> None:
    scripts = tree(
        run="from booruflow.a import f\nf",
        lib__a="from booruflow import b\ndef f(): return b.g()",
        lib__b="from booruflow import a\ndef g(): return a.f()\ndef h(): ...",
    )
    assert names(scripts) == ["booruflow", "booruflow.a", "booruflow.a.f", "booruflow.b", "booruflow.b.g"]


def test_the_digest_does_not_depend_on_the_place(tree: Tree, tmp_path: Path) -> None:
    scripts = tree(run="from booruflow.a import used\nused", lib__a=LIBRARY)
    before = digest(scripts)
    moved = scripts.rename(tmp_path / "elsewhere")
    assert digest(moved) == before


def test_a_script_that_does_not_parse_is_named(tree: Tree) -> None:
    scripts = tree(run="def f(:")
    with pytest.raises(SyntaxError) as caught:
        digest(scripts)
    assert caught.value.filename.endswith("run.py")
