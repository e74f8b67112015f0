"""The configuration, checked against its schema and completed with the schema's defaults."""

import copy
import json
from typing import Any

from jsonschema import Draft202012Validator

from booruflow.core.config_errors import error_lines
from booruflow.core.errors import UserError

Tree = dict[str, Any]
"""A configuration, a schema, or a part of one."""


def check_config(config: Tree, schema: Tree) -> Tree:
    """A copy of `config` with the defaults of `schema` filled in at every depth, keys in the order of the schema.

    Text from the command line (`--config seed='7'`) is converted to the number, truth value or null that the schema
    expects. An empty section of the YAML file counts as one without keys.

    Raises:
        UserError: the configuration breaks the schema; one line for each error, led by the dotted path of its key.
    """
    filled: Tree = _filled(config, schema)
    errors = sorted(Draft202012Validator(schema).iter_errors(filled), key=lambda error: list(map(str, error.absolute_path)))
    lines = [f"config.yaml: {line}" for error in errors for line in error_lines(error)]
    if lines:
        raise UserError("\n".join(lines))
    return filled


def is_section(schema: Tree) -> bool:
    """Whether a value of this schema is a section, that is, an object whose keys the schema names."""
    return schema.get("type") == "object" and "properties" in schema


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
    return _converted(value, types) if isinstance(value, str) else value


def _converted(text: str, types: list[str]) -> Any:  # noqa: ANN401 (any JSON value)
    """The number, truth value or null that `text` spells, if one of `types` takes it and none takes text."""
    if "string" in types or not types:
        return text
    try:
        value = json.loads(text.lower())
    except ValueError:
        return text
    classes = {"integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    fits = any(isinstance(value, classes[name]) for name in types if name in classes)  # type: ignore[arg-type]
    return value if fits else text
