"""Errors of a JSON Schema check, as lines for the person who wrote the configuration."""

import difflib
import json
from collections.abc import Iterator, Sequence

from jsonschema.exceptions import ValidationError


def error_lines(error: ValidationError) -> Iterator[str]:
    """One line for each problem: the dotted path of the key, what is wrong, and for a misspelt word a suggestion."""
    path = ".".join(map(str, error.absolute_path))
    value, limit, schema = error.instance, error.validator_value, error.schema
    shown = json.dumps(value, ensure_ascii=False, default=str)
    match error.validator:
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            for key in value:
                if key not in known:
                    hint = nearest(key, known) or f"; known keys: {', '.join(known)}"
                    yield f"{_dotted(path, key)}: unknown key{hint}"
        case "required":
            yield from (f"{_dotted(path, key)}: missing: add it" for key in limit if key not in value)
        case "type":
            types = [limit] if isinstance(limit, str) else limit
            remedy = f": write [{value}]" if "array" in types and isinstance(value, str) else ""
            yield f"{path}: {shown} is not {' or '.join(map(_with_article, types))}{remedy}"
        case "enum":
            values = ", ".join(json.dumps(each, ensure_ascii=False) for each in limit)
            yield f"{path}: {shown} is not one of {values}{nearest(value, limit)}"
        case "minLength" if not value:
            yield f"{path}: empty: write a text, or remove it"
        case "uniqueItems":
            twice = next(json.dumps(each, ensure_ascii=False) for each in value if value.count(each) > 1)
            yield f"{path}: {twice} stands there twice: remove one"
        case _:
            problem = _PROBLEMS.get(str(error.validator))
            remedy = _REMEDIES.get(limit, "") if isinstance(limit, str) else ""
            yield f"{path}: {shown} {problem} {limit}{remedy}" if problem else f"{path}: {error.message}"


_REMEDIES = {
    "^[A-Za-z0-9_-]+$": ": use only letters A to Z, digits, - and _",
    r"\{\}": ": write {} where the value goes",
}
"""What to do about a value that does not match a pattern of the schema."""

_PROBLEMS = {
    "minimum": "is below",
    "maximum": "is above",
    "exclusiveMinimum": "is not above",
    "exclusiveMaximum": "is not below",
    "minItems": "has fewer entries than",
    "minLength": "has fewer characters than",
    "pattern": "does not match the pattern",
    "multipleOf": "is not a multiple of",
}
"""The problem of a value that breaks a keyword of JSON Schema; for other keywords the message of jsonschema stands."""


def nearest(word: object, known: Sequence[object]) -> str:
    """A suggestion for a misspelt word; empty if none is near."""
    found = difflib.get_close_matches(str(word), [each for each in known if isinstance(each, str)], n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _dotted(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _with_article(type_name: str) -> str:
    names = {"null": "null", "object": "a section of keys", "array": "a list", "string": "text"}
    return names.get(type_name, f"an {type_name}" if type_name[0] in "aeiou" else f"a {type_name}")
