"""Digest of the code that a script runs: its own, and that of the library modules that it imports, directly or not.

A module counts whole, together with the `__init__` of its parent packages and the data files (such as prompts) beside it;
data files beside an `__init__` alone do not count. Syntax trees are compared, so comments, docstrings and layout do not
count. Nothing is imported. Code outside the library does not count: the environments pin it. An import by a computed name
(`import_module`) is not seen.
"""

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path


def code_digest(script: Path, library: Path) -> str:
    """The digest (sha256, hex) of `script` and of all that it reaches in `library`, a package folder beside it.

    Raises:
        OSError: the script cannot be read.
        SyntaxError: the script or a module that it reaches does not parse.
    """
    digest = hashlib.sha256()
    for path in [script, *reached_files(script, library)]:
        name = path.relative_to(library.parent)
        content = _parsed(path, name)[0] if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).digest()
        digest.update(f"{name.as_posix()}\0".encode() + content)
    return digest.hexdigest()


def reached_files(script: Path, library: Path) -> list[Path]:
    """The modules and data files of `library` that count for `script`, sorted."""
    root = library.parent
    files = [path for path in library.rglob("[!.]*") if path.suffix != ".pyc" and path.is_file()]
    modules = {_dotted(path.relative_to(root)): path for path in files if path.suffix == ".py"}
    found: dict[str, Path] = {}
    waiting = set(_parsed(script, script.relative_to(root))[1])
    while waiting:
        name = waiting.pop()
        if name in modules and name not in found:
            found[name] = modules[name]
            waiting |= {name.rpartition(".")[0], *_parsed(found[name], found[name].relative_to(root))[1]}
    folders = {path.parent for path in found.values() if path.name != "__init__.py"}
    return sorted([*found.values(), *(path for path in files if path.suffix != ".py" and path.parent in folders)])


def _dotted(path: Path) -> str:
    return ".".join(path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts)


def _parsed(path: Path, name: Path) -> tuple[bytes, frozenset[str]]:
    """The digest of a module's syntax tree, and the dotted names that it imports; `name` is its path beside the library."""
    return _parsed_source(path.read_bytes(), str(path), ".".join(name.parent.parts))


@cache
def _parsed_source(source: bytes, path: str, package: str) -> tuple[bytes, frozenset[str]]:
    tree = ast.parse(source, path)
    return hashlib.sha256(_text(tree).encode()).digest(), frozenset(_imports(tree.body, package))


def _text(node: object) -> str:
    """A syntax tree as text, without docstrings and positions, and without empty fields: newer Pythons add such."""
    if isinstance(node, list):
        return f"[{' '.join([_text(item) for item in node if not _is_docstring(item)])}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    parts = [type(node).__name__]
    for field in node._fields:
        value = getattr(node, field)
        if value is not None and value != [] and field != "ctx":
            parts += (field, _text(value))
    return f"({' '.join(parts)})"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(statements: list[ast.stmt], package: str) -> Iterator[str]:
    """The dotted names that imports at any depth may load as modules, without those for type checkers."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
        else:
            only_types = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
            for field in ("body", "orelse", "handlers", "finalbody", "cases"):
                if not (only_types and field == "body"):
                    yield from _imports(getattr(node, field, []), package)


if __name__ == "__main__":
    folder = Path(__file__).resolve().parents[1]
    for file in reached_files(Path(sys.argv[1]).resolve(), folder):
        sys.stdout.write(f"{file.relative_to(folder.parent)}\n")
