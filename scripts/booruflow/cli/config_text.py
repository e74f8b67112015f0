"""The text of a config.yaml: every key of the schema, with its description as a comment."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from booruflow.core.config import Tree, is_section

WIDTH = 120
"""Longest line; a comment that does not fit beside its key stands above it."""


def config_text(schema: Tree, config: Tree, schema_path: str) -> str:
    """A complete config.yaml.

    Args:
        schema: JSON Schema of the configuration, with a description for each key.
        config: the values; a key that it lacks is left out of the text.
        schema_path: where an editor finds the schema, from the folder of the file.
    """
    head = [f"# yaml-language-server: $schema={schema_path}", *_comment(f"{schema['title']}. {schema['description']}", 0)]
    lines = [line for key in config for line in ("", *_entry(key, config[key], schema["properties"][key], 0))]
    return "\n".join([*head, *lines]) + "\n"


def _entry(key: str, value: Any, schema: Tree, depth: int) -> Iterator[str]:  # noqa: ANN401 (any JSON value)
    """The lines of one key: its comment, and its value or the keys of its section."""
    indent = "  " * depth
    description = _description(schema)
    inner = list(_inner(value, schema, depth + 1))
    line = f"{indent}{key}:" if inner else f"{indent}{key}: {_scalar(value)}"
    if depth and not inner and len(line) + len(description) + 3 <= WIDTH:
        yield f"{line} # {description}" if description else line
    else:
        yield from _comment(description, depth)
        yield line
    yield from inner


def _inner(value: Any, schema: Tree, depth: int) -> Iterator[str]:  # noqa: ANN401 (any JSON value)
    """The lines below a key: of a section, of names that the user chose, or of a list of sections; none for other values."""
    if is_section(schema):
        for key, part in value.items():
            yield from _entry(key, part, schema["properties"][key], depth)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from (f"{'  ' * depth}{_scalar(name)}: {_scalar(part)}" for name, part in value.items())
    elif is_section(schema.get("items", {})):
        for item in value:
            yield f"{'  ' * depth}-"
            for key, part in item.items():
                yield from _entry(key, part, schema["items"]["properties"][key], depth + 1)


def _description(schema: Tree) -> str:
    """The description of a key, with the values that it may have unless the description names them all."""
    text = " ".join(schema.get("description", "").split())
    values = [_scalar(value) for value in schema.get("enum", [])]
    return text if all(value in text for value in values) else f"{text} Values: {', '.join(values)}."


def _scalar(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """A value on one line of YAML."""
    if isinstance(value, (int, float)) or value is None:
        return json.dumps(value)
    text: str = yaml.dump(value, Dumper=_OneLine, default_flow_style=True, allow_unicode=True, width=1 << 30, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


class _OneLine(yaml.SafeDumper):
    """Writes strings with line breaks in double quotes, with escapes; by default they are several lines."""


_OneLine.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, None if text.isprintable() else '"')
)


def _comment(text: str, depth: int) -> list[str]:
    prefix = "  " * depth + "# "
    return textwrap.wrap(text, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False)
