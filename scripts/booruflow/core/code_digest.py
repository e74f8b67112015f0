"""Digest of the code that a script can run: its own, and of the library the definitions it reaches by name.

Read from the syntax trees; nothing is imported. A definition is one top-level statement of a module: a function, a
class, an assignment. Comments, docstrings and layout do not count; annotations do, as dataclasses read them.

Where names do not tell what is reached, more is taken rather than less: a module used as a value (passed on, or given
to `getattr`) counts whole, and so does the package around an `import_module` whose argument is not spelt out. What a
module runs when it is imported (calls, loops, decorators of the library's own) counts for all who import it. Not seen
are methods put on a class from elsewhere, and code outside the library: environments pin that.
"""

import ast
import hashlib
import os
import re
import symtable
import sys
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

Chain = tuple[str, ...]
"""A dotted name in parts: `streams.Stream.rows` is ("streams", "Stream", "rows")."""

FINDS_MODULES = {"import_module", "__import__", "iter_modules", "walk_packages"}
"""Calls after which any module of a package may be in use."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def code_digest(script: Path, library: Path) -> str:
    """The digest (sha256, hex) of all that `script` can run of itself and of the package folder `library`.

    Data files beside a module count by their bytes when a string in reached code names them or their folder.

    Raises:
        SyntaxError: the script or a module it reaches does not parse.
    """
    digest = hashlib.sha256()
    for part in _reach(script, library).parts():
        digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()


def reaches(script: Path, library: Path) -> list[str]:
    """What `code_digest` counts of the library, sorted: dotted names of definitions, modules, paths of data files."""
    return _reach(script, library).names()


class _Import(NamedTuple):
    """What one name bound by an import stands for: `name` of `module`, or with None the module itself."""

    module: str
    name: str | None


class _Statement:
    """A top-level statement and what it refers to."""

    def __init__(self, node: ast.stmt, package: str, inner: set[str]) -> None:
        """`inner` holds the names that the bodies of functions and classes in `node` take from the module."""
        self.node = node
        self.chains: set[Chain] = set()
        self.imports: dict[str, list[_Import]] = {}
        self.strings: set[str] = set()
        self.calls: set[str] = set()
        self._collect(node, package)
        outer = {part.id for part in _outside_body(node) if isinstance(part, ast.Name)}
        self.globals = {chain for chain in self.chains if chain[0] in inner | outer}

    def _collect(self, top: ast.stmt, package: str) -> None:
        stack: list[ast.AST] = [top]
        while stack:
            node = stack.pop()
            if chain := _chain(node):
                self.chains.add(chain)
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.strings.add(node.value)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for bound, target in _imports(node, package):
                    self.imports.setdefault(bound, []).append(target)
            elif isinstance(node, ast.Call) and (chain := _chain(node.func)):
                self.calls.add(chain[-1])
            stack += _children(node)

    @cached_property
    def text(self) -> bytes:
        """The statement without docstrings and positions, the same on all versions of Python with its syntax."""
        parts: list[str] = []
        _dump(self.node, parts.append)
        return " ".join(parts).encode("utf-8", "surrogatepass")


class _Module:
    """A parsed module: which statements bind which names, which of them run on import, what it imports."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        """`name` is dotted; a script has none."""
        self.path = path
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self.statements: list[_Statement] = []
        self.bound: dict[str, list[int]] = {}
        self.imports: dict[str, list[_Import]] = {}
        self.runs: list[int] = []
        inner = _names_from_module(source, path)
        for node in _run_on_import(ast.parse(source, str(path)).body, is_script=not name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            statement = _Statement(node, self.package, set().union(*(inner.get(line, ()) for line in lines)))
            if not isinstance(node, Definition):
                for bound, targets in statement.imports.items():
                    self.imports.setdefault(bound, []).extend(targets)
            if not isinstance(node, ast.Import | ast.ImportFrom):
                self._add(statement, len(self.statements))

    def _add(self, statement: _Statement, index: int) -> None:
        if self._acts(statement.node):
            self.runs.append(index)
        for name in _names_bound(statement.node):
            self.bound.setdefault(name, []).append(index)
        self.statements.append(statement)

    def _acts(self, node: ast.stmt) -> bool:
        """Whether a statement may do more than bind names: a decorator of the library's own may register."""
        if isinstance(node, Definition):
            library = _top(self.package)
            decorators = [_chain(d.func if isinstance(d, ast.Call) else d) or ("",) for d in node.decorator_list]
            imported = [target.module for chain in decorators for target in self.imports.get(chain[0], ())]
            return any(chain[0] in self.bound for chain in decorators) or any(_top(name) == library for name in imported)
        if isinstance(node, ast.Assign):
            return not all(isinstance(part, ast.Name) for target in node.targets for part in _targets(target))
        return not (isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name))


class _Reach:
    """All that is reached from one script, found by following names from module to module."""

    def __init__(self, script: Path, library: Path) -> None:
        if not (library / "__init__.py").is_file():
            raise FileNotFoundError(f"{library}: not a package folder")
        self.library = library
        self.entered: set[str] = set()
        self.followed: set[tuple[str, Chain]] = set()
        self.found: dict[str, set[int]] = {}
        self.edges: set[str] = set()
        self.files: set[Path] = set()
        self.folders: dict[Path, set[str]] = {}
        self.modules: dict[str, _Module | None] = {"": _parsed("", script, script.read_bytes())}
        self._whole("")

    def parts(self) -> Iterator[bytes]:
        """All that counts, in an order that does not depend on where definitions stand in their module."""
        for name, indices in sorted(self.found.items()):
            module = self._of(name)
            defined = [module.statements[i] for i in sorted(indices)]
            yield name.encode()
            yield from sorted(s.text for s in defined if isinstance(s.node, Definition))
            yield from (s.text for s in defined if not isinstance(s.node, Definition))
        yield from (edge.encode() for edge in sorted(self.edges))
        for path in sorted(self.files):
            yield self._shown(path).encode()
            yield path.read_bytes()

    def names(self) -> list[str]:
        """The library's part of what is reached."""
        shown = {self._shown(path) for path in self.files} | self.entered - {""}
        for name, indices in self.found.items():
            bound = self._of(name).bound if name else {}
            shown |= {f"{name}.{what}" for what, places in bound.items() if indices.intersection(places)}
        return sorted(shown)

    def _shown(self, path: Path) -> str:
        inside = path.is_relative_to(self.library)
        return path.relative_to(self.library.parent).as_posix() if inside else path.name

    def _module(self, name: str) -> _Module | None:
        """The library's module of that dotted name, None where there is none."""
        if name not in self.modules:
            self.modules[name] = None
            if _top(name) == self.library.name:
                place = self.library.parent.joinpath(*name.split("."))
                for path in (place / "__init__.py", place.with_suffix(".py")):
                    if path.is_file():
                        self.modules[name] = _parsed(name, path, path.read_bytes())
                        break
        return self.modules[name]

    def _of(self, name: str) -> _Module:
        module = self._module(name)
        assert module is not None
        return module

    def _enter(self, name: str) -> bool:
        """What importing module `name` runs; whether it is the library's."""
        if name in self.entered:
            return True
        module = self._module(name)
        if module is None:
            return False
        self.entered.add(name)
        if "." in name:
            self._enter(name.rpartition(".")[0])
        for index in module.runs:
            self._take(name, index)
        self._enter_all(module.imports)
        return True

    def _enter_all(self, imports: dict[str, list[_Import]]) -> None:
        for bound, targets in imports.items():
            for target in targets:
                if self._enter(target.module) and target.name:
                    self._enter(f"{target.module}.{target.name}")
                if bound == "*":
                    self._follow(target.module, ())

    def _whole(self, name: str) -> None:
        """All of a module, and of a package what it imports by name and all its modules."""
        self._enter(name)
        module = self._of(name)
        for index in range(len(module.statements)):
            self._take(name, index)
        if module.path.name == "__init__.py":
            for bound, targets in module.imports.items():
                if any(target.name for target in targets):
                    self._resolve(name, (bound,))
            for path in sorted(module.path.parent.iterdir()):
                if path.stem != "__init__" and self._module(f"{name}.{path.stem}"):
                    self._follow(f"{name}.{path.stem}", ())

    def _follow(self, name: str, chain: Chain) -> None:
        """`chain` is used as an attribute of module `name`; an empty one is the module itself."""
        if (name, chain) in self.followed or not self._enter(name):
            return
        self.followed.add((name, chain))
        if not chain or not (self._resolve(name, chain) or self._inner(name, chain)):
            self._whole(name)

    def _inner(self, package: str, chain: Chain) -> bool:
        inner = f"{package}.{chain[0]}"
        if self._module(inner) is None:
            return False
        self._follow(inner, chain[1:])
        return True

    def _resolve(self, name: str, chain: Chain) -> bool:
        """Take what `chain` stands for in the namespace of module `name`; whether its first part is bound there."""
        module = self._of(name)
        first, rest = chain[0], chain[1:]
        for index in module.bound.get(first, ()):
            self._take(name, index)
        for target in module.imports.get(first, ()):
            self.edges.add(f"{name} {first} = {target.module} {target.name}")
            self._follow(target.module, (target.name, *rest) if target.name else rest)
        return first in module.bound or first in module.imports

    def _take(self, name: str, index: int) -> None:
        """Count one statement, and all it refers to."""
        taken = self.found.setdefault(name, set())
        if index in taken:
            return
        taken.add(index)
        module = self._of(name)
        statement = module.statements[index]
        self._enter_all(statement.imports)
        for chain in statement.chains:
            for target in statement.imports.get(chain[0], ()):
                self._follow(target.module, (target.name, *chain[1:]) if target.name else chain[1:])
            if chain in statement.globals:
                self._resolve(name, chain)
        named = [self._name_of_module(text) for text in statement.strings]
        if not any(named) and statement.calls & FINDS_MODULES:
            self._follow(module.package or self.library.name, ())
        if "globals" in statement.calls:
            self._whole(name)
        for text in statement.strings:
            self._data_file(module, text)

    def _name_of_module(self, text: str) -> bool:
        """Whether a string names modules, as `import_module` takes them; a plain module of that name counts whole."""
        if _top(text) != self.library.name or not re.fullmatch(r"\w+\.[\w.]*(:\w+)?", text):
            return False
        dotted = text.partition(":")[0]
        name = dotted.rpartition(".")[0] if dotted.endswith(".") else dotted
        while self._module(name) is None:
            name = name.rpartition(".")[0]
        if dotted != name or self._of(name).path.name != "__init__.py":
            self._follow(name, ())
        return True

    def _entries(self, folder: Path) -> set[str]:
        if folder not in self.folders:
            self.folders[folder] = {entry.name for entry in os.scandir(folder)}
        return self.folders[folder]

    def _data_file(self, module: _Module, text: str) -> None:
        """Count the file that a string names beside its module or in the library's folder, or the files below it."""
        for folder in {module.path.parent, self.library}:
            if text.partition("/")[0] not in self._entries(folder) or ".." in text:
                continue
            place = folder / text
            if place.is_file() and place.suffix != ".py":
                self.files.add(place)
            elif place.is_dir() and not (place / "__init__.py").exists():
                self.files.update(p for p in place.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc"))


@cache
def _parsed(name: str, path: Path, source: bytes) -> _Module:
    return _Module(name, path, source)


def _reach(script: Path, library: Path) -> _Reach:
    return _Reach(script.absolute(), library.absolute())


def _top(dotted: str) -> str:
    return dotted.partition(".")[0]


def _run_on_import(body: list[ast.stmt], is_script: bool) -> Iterator[ast.stmt]:
    """The statements that are run: without docstrings, what is for type checkers, and in a module the main part."""
    never = {"TYPE_CHECKING", "typing.TYPE_CHECKING"} | ({"__name__ == '__main__'"} if not is_script else set())
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) in never:
            yield from _run_on_import(node.orelse, is_script)
        elif not _is_text(node):
            yield node


def _names_from_module(source: bytes, path: Path) -> dict[int, set[str]]:
    """By the line where a function or class stands: the names that its body, or one within, takes from the module."""
    names: dict[int, set[str]] = {}
    for top in symtable.symtable(source, str(path), "exec").get_children():  # type: ignore[arg-type]
        found = names.setdefault(top.get_lineno(), set())
        tables = [top]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            found.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    return names


def _imports(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, _Import]]:
    """The names that an import binds and what they stand for; a star binds "*"."""
    if isinstance(node, ast.ImportFrom):
        around = package.split(".")
        base = [*around[: len(around) - node.level + 1]] if node.level else []
        module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        for alias in node.names:
            yield alias.asname or alias.name, _Import(module, alias.name if alias.name != "*" else None)
        return
    for alias in node.names:
        if alias.asname:
            yield alias.asname, _Import(alias.name, None)
        else:
            yield _top(alias.name), _Import(_top(alias.name), None)
            yield alias.name, _Import(alias.name, None)  # no name of the source has dots: only to be entered


def _chain(node: ast.AST) -> Chain | None:
    """`a.b.c` in parts; None for what is no plain dotted name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def _names_bound(node: ast.stmt) -> set[str]:
    """The module's names that a top-level statement binds."""
    if isinstance(node, Definition):
        return {node.name}
    inside = list(ast.walk(node))
    defined = {part.name for part in inside if isinstance(part, Definition)}
    return defined | {part.id for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _outside_body(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that the module itself evaluates: of a definition its decorators, bases, defaults and annotations."""
    if not isinstance(node, Definition):
        return ast.walk(node)
    return (part for child in _children(node) if child not in node.body for part in ast.walk(child))


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment stores to, tuples taken apart."""
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _targets(part)
    else:
        yield target


def _is_text(node: object) -> bool:
    """Whether a statement is a docstring or another bare string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _children(node: ast.AST) -> list[ast.AST]:
    return [child for child in ast.iter_child_nodes(node) if not _is_text(child)]


def _dump(node: object, write: Callable[[str], None]) -> None:
    """Write a node and all below it, in prefix order, without what is empty: newer versions add empty fields."""
    if isinstance(node, ast.AST):
        write(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == [] or name in ("ctx", "kind", "type_comment"):
                if value is None and isinstance(node, ast.Constant) and name == "value":
                    write("None")
                continue
            write(name)
            _dump(value, write)
        write(")")
    elif isinstance(node, list):
        write("[")
        for item in node:
            if not _is_text(item):
                _dump(item, write)
        write("]")
    else:
        write(f"{type(node).__name__}:{node!r}")


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in reaches(Path(sys.argv[1]), Path(__file__).parent)))
