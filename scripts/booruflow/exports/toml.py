"""TOML of nested sections, for the dataset files of trainers (https://toml.io/en/v1.0.0)."""

import json
from collections.abc import Iterator, Mapping


def toml_text(sections: Mapping[str, object]) -> bytes:
    """A TOML file: values, then sections (mappings) and arrays of sections (lists of mappings), nested at any depth."""
    return ("\n".join(_lines(sections, "")) + "\n").lstrip("\n").encode()


def _lines(section: Mapping[str, object], path: str) -> Iterator[str]:
    inner = {key: value for key, value in section.items() if isinstance(value, Mapping) or _is_array(value)}
    for key, value in section.items():
        if key not in inner:
            yield f"{key} = {_value(value)}"
    for key, value in inner.items():
        name = f"{path}.{key}" if path else key
        for each in value if isinstance(value, list) else [value]:
            assert isinstance(each, Mapping)
            yield ""
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from _lines(each, name)


def _is_array(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _value(value: object) -> str:
    # the strings, numbers, truth values and lists of JSON are also TOML, but for DEL, which must be escaped
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
