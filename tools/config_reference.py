"""Write docs/config.md, the table of all settings, from the schema of the configuration."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from booruflow.core.config import Tree, is_section  # noqa: E402 (the library is found by the line above)

BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "multipleOf": "a multiple of",
    "minItems": "at least",
    "maxProperties": "at most",
    "pattern": "pattern",
}
"""Keywords of JSON Schema that are shown beside the type."""


def config_reference(schema: Tree) -> str:
    """The schema as a Markdown page with a table of keys for each section."""
    lines = [f"# {schema['title']}", "", _one_line(schema["description"])]
    for path, section in _sections(schema, ""):
        if path:
            lines += ["", f"## `{path}`"]
            lines += ["", _one_line(section["description"])] if "description" in section else []
        keys = {key: part for key, part in section["properties"].items() if not is_section(part)}
        if keys:
            lines += ["", "| key | type | default | description |", "|---|---|---|---|"]
        for key, part in keys.items():
            without = "(required)" if key in section.get("required", ()) else "(none)"
            default = f"`{json.dumps(part['default'], ensure_ascii=False)}`" if "default" in part else without
            cells = (f"`{key}`", _type(part), default, _one_line(part["description"]))
            lines.append("| " + " | ".join(map(_escaped, cells)) + " |")
    return "\n".join(lines) + "\n"


def _sections(schema: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """The schema and its sections with dotted paths; `<name>` is a name that the user chooses, `[]` an entry of a list."""
    if is_section(schema):
        yield path, schema
        for key, part in schema["properties"].items():
            yield from _sections(part, f"{path}.{key}" if path else key)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _sections(schema["additionalProperties"], f"{path}.<name>")
    elif "items" in schema:
        yield from _sections(schema["items"], f"{path}[]")


def _type(schema: Tree) -> str:
    """The type of a value with its bounds, as text."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{json.dumps(each, ensure_ascii=False)}`" for each in schema["enum"])
    types = schema.get("type", "any")
    names = [types] if isinstance(types, str) else types
    text = " or ".join("text" if name == "string" else name for name in names)
    if "array" in names and "items" in schema:
        items = "sections" if is_section(schema["items"]) else _type(schema["items"])
        text = text.replace("array", f"list of {items}")
    if "object" in names:
        text = text.replace("object", "names of your own")
    bounds = [f"{sign} {schema[keyword]}" for keyword, sign in BOUNDS.items() if keyword in schema]
    return f"{text}, {', '.join(bounds)}" if bounds else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(cell: str) -> str:
    """Text as a cell of a Markdown table; within backticks only the bar needs an escape."""
    parts = cell.replace("|", "\\|").split("`")
    return "`".join(part if i % 2 else re.sub(r"([<*_])", r"\\\1", part) for i, part in enumerate(parts))


if __name__ == "__main__":
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))
    (ROOT / "docs/config.md").write_text(config_reference(schema), "utf-8")
