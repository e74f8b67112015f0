"""The configuration, checked against its schema and completed with the schema's defaults."""

import copy
import datetime
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from booruflow.core.config_errors import error_lines
from booruflow.core.errors import UserError, first_line
from booruflow.core.files import open_input

Tree = dict[str, Any]
"""A configuration, a schema, or a part of one."""

_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),  # not 4.0, which no range takes
            "number": lambda _, value: (
                not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)))
            ),  # NaN is within all bounds
        }
    ),
)


def check_config(config: Tree, schema: Tree, file: str = "config.yaml", remedy: str = "") -> Tree:
    """A copy of `config` with the defaults of `schema` filled in at every depth, keys in the order of the schema.

    `file` and `remedy` begin and end the lines of errors.

    Text from the command line (`--config seed='7'`) is converted to the number, truth value or null that the schema
    expects. An empty section of the YAML file counts as one without keys.

    Raises:
        UserError: the configuration breaks the schema; one line for each error, led by the file and the dotted path of its key.
    """
    filled: Tree = _filled(config, schema)
    errors = sorted(_Validator(schema).iter_errors(filled), key=lambda error: list(map(str, error.absolute_path)))
    lines = [f"{file}: {line}{remedy}" for error in errors for line in error_lines(error)]
    if lines:
        raise UserError("\n".join(lines))
    return filled


def is_section(schema: Tree) -> bool:
    """Whether a value of this schema is a section, that is, an object whose keys the schema names."""
    return schema.get("type") == "object" and "properties" in schema


def read_yaml(path: Path) -> Any:  # noqa: ANN401 (any JSON value)
    """The content of a YAML file.

    Raises:
        UserError: it cannot be read, is not YAML in UTF-8, or has a key twice; one line for each error.
    """
    with open_input(path) as file:
        data = file.read()
    try:
        text = data.decode()
        content = yaml.safe_load(text)
        repeated = duplicate_keys(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: not UTF-8: save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UserError(f"{path}: {place}not YAML ({error.problem}): correct the line, or put the text in quotes") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"{path}: not YAML ({first_line(error)}): correct the file") from error
    if repeated:
        raise UserError("\n".join(f"{path}: {line}" for line in repeated))
    return content


def duplicate_keys(text: str) -> list[str]:
    """One line for each key that a section of a YAML file has twice; readers of YAML silently take the last of them."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(_duplicates(root, "", set())) if root else []


def _duplicates(node: yaml.Node, path: str, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:  # an alias, which may stand in what it refers to
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates(item, f"{path}{index}.", seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                yield f"{path}{name}: twice, in lines {lines[name]} and {line}: keep one"
            lines[name] = line
            yield from _duplicates(value, f"{path}{name}.", seen)


def _filled(value: Any, schema: Tree) -> Any:  # noqa: ANN401 (any JSON value)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if value is None and "object" in types and "null" not in types:
        value = {}
    if isinstance(value, dict):
        known = schema.get("properties", {})
        other = schema.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        absent = {key: part for key, part in known.items() if key not in value and ("default" in part or is_section(part))}
        defaults = {key: copy.deepcopy(part.get("default", {})) for key, part in absent.items()}
        filled = {key: _filled(inner, known.get(key, other)) for key, inner in (value | defaults).items()}
        order = [*(key for key in known if key in filled), *(key for key in filled if key not in known)]
        return {key: filled[key] for key in order}
    if isinstance(value, list) and "items" in schema:
        return [_filled(item, schema["items"]) for item in value]
    if isinstance(value, datetime.date):  # YAML makes one of 2020-01-31
        return value.isoformat()
    return _converted(value, types) if isinstance(value, str) else value


def _converted(text: str, types: list[str]) -> Any:  # noqa: ANN401 (any JSON value)
    """The number, truth value or null that `text` spells, if one of `types` takes it and none takes text; null even then."""
    if text == "null" and "null" in types:
        return None
    if "string" in types or not types:
        return text
    try:
        value = json.loads(text.lower())
    except ValueError:
        return text
    classes = {"integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    fits = any(isinstance(value, classes[name]) for name in types if name in classes)  # type: ignore[arg-type]
    return value if fits else text
