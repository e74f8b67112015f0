"""Checking the configuration against its schema, filling defaults, and writing the schema out as a page."""

import copy
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from booruflow.core.errors import UserError

Tree = dict[str, Any]
"""A configuration, a schema, or a part of one."""


def check_config(config: Tree, schema: Tree, file: str = "config.yaml") -> Tree:
    """A copy of `config` with the defaults of `schema` filled in at every depth.

    Text from the command line (`--config seed=7` is a number to Snakemake, `seed='7'` is not) is read as the number or
    truth value that the schema asks for. A section left empty counts as one without keys.

    Raises:
        UserError: one line for each thing wrong, with the dotted path of its key; `file` leads the lines.
    """
    filled: Tree = _filled(config, schema, schema)
    found: Iterable[ValidationError] = Draft202012Validator(schema).iter_errors(filled)
    errors = sorted(found, key=lambda error: list(map(str, error.absolute_path)))
    lines = [line for error in errors for line in _lines(error)]
    if lines:
        raise UserError("\n".join(f"{file}: {line}" for line in lines))
    return filled


def defaults(schema: Tree) -> Tree:
    """The configuration that holds every default of the schema and nothing else."""
    filled: Tree = _filled({}, schema, schema)
    return filled


def config_reference(schema: Tree) -> str:
    """The schema as a Markdown page: a table of keys for each section."""
    lines = [f"# {schema['title']}", "", _one_line(schema["description"])]
    for path, section in _sections(schema, schema, ""):
        if path:
            lines += ["", f"## `{path}`"]
            lines += ["", _one_line(section["description"])] if "description" in section else []
        keys = {name: _resolved(part, schema) for name, part in section["properties"].items()}
        rows = [(name, part) for name, part in keys.items() if not _is_section(part)]
        if rows:
            lines += ["", "| key | type | default | description |", "|---|---|---|---|"]
        for name, part in rows:
            default = f"`{json.dumps(part['default'], ensure_ascii=False)}`" if "default" in part else "(required)"
            cells = (f"`{name}`", _type(part, schema), default, _one_line(part["description"]))
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def _resolved(part: Tree, schema: Tree) -> Tree:
    """`part` with its `$ref` (to `#/$defs/...`) replaced by what it points to; keys beside the reference win."""
    if "$ref" not in part:
        return part
    target = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
    return {**_resolved(target, schema), **{key: value for key, value in part.items() if key != "$ref"}}


def _filled(value: Any, part: Tree, schema: Tree) -> Any:  # noqa: ANN401 (any JSON value)
    part = _resolved(part, schema)
    types = part.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "object" in types and (value is None and "null" not in types):
        value = {}
    if isinstance(value, dict):
        known = part.get("properties", {})
        filled = {key: _filled(inner, known.get(key, _other(part)), schema) for key, inner in value.items()}
        for key, inner in known.items():
            inner = _resolved(inner, schema)
            if key not in value and ("default" in inner or _is_section(inner)):
                filled[key] = _filled(copy.deepcopy(inner.get("default", {})), inner, schema)
        # the order of the schema, whatever the user's
        return {key: filled[key] for key in (*(k for k in known if k in filled), *(k for k in filled if k not in known))}
    if isinstance(value, list) and isinstance(part.get("items"), dict):
        return [_filled(inner, part["items"], schema) for inner in value]
    return _read(value, types) if isinstance(value, str) else value


def _other(part: Tree) -> Tree:
    """The schema of the keys that an object does not name."""
    other = part.get("additionalProperties", {})
    return other if isinstance(other, dict) else {}


def _is_section(part: Tree) -> bool:
    return part.get("type") == "object" and "properties" in part


def _read(text: str, types: list[str]) -> Any:  # noqa: ANN401 (any JSON value)
    """Text as the number, truth value or null that it spells, where the schema takes one and no text."""
    if "string" in types or not types:
        return text
    try:
        value = json.loads(text.lower())
    except ValueError:
        return text
    wanted = {"integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    fits = any(isinstance(value, kind) for name, kind in wanted.items() if name in types)  # type: ignore[arg-type]
    return value if fits else text


def _lines(error: ValidationError) -> Iterator[str]:
    """What is wrong, for the person who wrote the file."""
    path = ".".join(map(str, error.absolute_path))
    value, limit, part = error.instance, error.validator_value, error.schema
    shown = json.dumps(value, ensure_ascii=False, default=str)
    match error.validator:
        case "additionalProperties":
            known = list(part.get("properties", {}))
            for key in value:
                if key not in known:
                    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
                    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
                    yield f"{_join(path, key)}: unknown key; {hint}"
        case "required":
            for key in limit:
                if key not in value:
                    yield f"{_join(path, key)}: missing"
        case "type":
            types = [limit] if isinstance(limit, str) else limit
            yield f"{path}: {shown} is not {' or '.join(map(_with_article, types))}"
        case "enum":
            yield f"{path}: {shown} is not one of {', '.join(json.dumps(one, ensure_ascii=False) for one in limit)}"
        case "const":
            yield f"{path}: {shown} must be {json.dumps(limit, ensure_ascii=False)}"
        case _:
            what = _BROKEN.get(str(error.validator))
            yield f"{path}: {shown} {what} {limit}" if what else f"{path}: {error.message}"


_BROKEN = {
    "minimum": "is below",
    "maximum": "is above",
    "exclusiveMinimum": "is not above",
    "exclusiveMaximum": "is not below",
    "minItems": "has fewer entries than",
    "maxItems": "has more entries than",
    "minLength": "has fewer characters than",
    "maxLength": "has more characters than",
    "minProperties": "has fewer keys than",
    "pattern": "does not match the pattern",
    "multipleOf": "is not a multiple of",
}
"""What to say of a value that breaks a keyword of JSON Schema."""


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _with_article(name: str) -> str:
    return {"null": "null", "object": "a section of keys", "array": "a list", "string": "text"}.get(
        name, f"an {name}" if name[0] in "aeiou" else f"a {name}"
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Text that keeps its signs in a Markdown table; what stands in backticks is safe but for the bar."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if i % 2 else re.sub(r"([<*_])", r"\\\1", part) for i, part in enumerate(parts))


def _sections(part: Tree, schema: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """The schema and its sections with their dotted paths; `<name>` is a name of the user's, `[]` an entry of a list."""
    part = _resolved(part, schema)
    if _is_section(part):
        yield path, part
        for key, inner in part["properties"].items():
            yield from _sections(inner, schema, _join(path, key))
    elif _other(part):
        yield from _sections(_other(part), schema, _join(path, "<name>"))
    elif isinstance(part.get("items"), dict):
        yield from _sections(part["items"], schema, f"{path}[]")


def _type(part: Tree, schema: Tree) -> str:
    """The type of a value with its bounds, as text."""
    if "enum" in part:
        return "one of " + ", ".join(f"`{json.dumps(one, ensure_ascii=False)}`" for one in part["enum"])
    types = part.get("type", "any")
    names = [types] if isinstance(types, str) else types
    text = " or ".join("text" if name == "string" else name for name in names)
    if "array" in names and isinstance(part.get("items"), dict):
        items = _resolved(part["items"], schema)
        text = text.replace("array", f"list of {'sections' if _is_section(items) else _type(items, schema)}")
    if "object" in names:
        text = text.replace("object", "names of your own")
    bounds = [f"{sign} {part[key]}" for key, sign in _SIGNS.items() if key in part]
    return f"{text}, {', '.join(bounds)}" if bounds else text


_SIGNS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minItems": "at least",
    "maxItems": "at most",
    "pattern": "pattern",
}
