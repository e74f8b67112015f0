import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from example_schema import SCHEMA
from jsonschema import Draft202012Validator

from booruflow.core.config import check_config, duplicate_keys
from booruflow.core.errors import UserError

ROOT = Path(__file__).parents[3]
SHIPPED_SCHEMA: dict[str, Any] = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))

CAPTIONER = {"backend": "transformers", "max_new_tokens": 512, "temperature": None, "sampling": {"used": False}}


@pytest.mark.parametrize("schema", [SCHEMA, SHIPPED_SCHEMA])
def test_the_schema_is_valid(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_defaults_are_filled_at_every_depth() -> None:
    config = {"metadata": ["a", "b"], "subsets": {"miku": {"tag": "hatsune_miku"}}}
    full = check_config(config, SCHEMA)
    assert full == {
        "metadata": ["a", "b"],
        "seed": 1,
        "captioner": CAPTIONER,
        "sources": [{"file": "a.json", "id": "id"}],
        "subsets": {"miku": {"tag": "hatsune_miku", "score": -100}},
    }
    assert config == {"metadata": ["a", "b"], "subsets": {"miku": {"tag": "hatsune_miku"}}}
    assert check_config(full, SCHEMA) == full


def test_a_set_value_wins_over_its_default_and_an_empty_section_is_filled() -> None:
    full = check_config({"metadata": "x", "captioner": {"sampling": None, "max_new_tokens": 7}}, SCHEMA)
    assert full["captioner"] == {**CAPTIONER, "max_new_tokens": 7}


def test_a_default_is_not_shared_between_configurations() -> None:
    first = check_config({"metadata": "x"}, SCHEMA)
    first["subsets"]["new"] = {}
    assert check_config({"metadata": "x"}, SCHEMA)["subsets"] == {}


def test_keys_come_in_the_order_of_the_schema() -> None:
    one = check_config({"subsets": {}, "seed": 3, "metadata": "x"}, SCHEMA)
    assert list(one) == ["metadata", "seed", "captioner", "sources", "subsets"]


@pytest.mark.parametrize(
    ("config", "full"),
    [
        ({"seed": "7"}, {"seed": 7}),
        ({"captioner": {"temperature": "1e-1"}}, {"captioner": {**CAPTIONER, "temperature": 0.1}}),
        ({"captioner": {"temperature": "null"}}, {"captioner": CAPTIONER}),
        ({"captioner": {"sampling": {"used": "True"}}}, {"captioner": {**CAPTIONER, "sampling": {"used": True}}}),
        ({"subsets": {"a": {"tag": "7"}}}, {"subsets": {"a": {"tag": "7", "score": -100}}}),
    ],
)
def test_text_from_the_command_line_is_converted_to_the_type_of_the_schema(config: Any, full: Any) -> None:
    assert check_config({"metadata": "x", **config}, SCHEMA) == {**check_config({"metadata": "x"}, SCHEMA), **full}


def test_null_from_the_command_line_is_null_also_where_text_may_stand() -> None:
    captioner = SHIPPED_SCHEMA["properties"]["captioner"]
    assert check_config({"style": "null", "model": "null"}, captioner) == check_config({}, captioner)


def keys_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All keys of a schema with their dotted paths."""
    parts = {**schema.get("properties", {})}
    parts |= {f"<{name}>": schema[name] for name in ("additionalProperties", "items") if isinstance(schema.get(name), dict)}
    for name, part in parts.items():
        yield f"{path}.{name}", part
        yield from keys_of(part, f"{path}.{name}")


def test_every_key_of_the_shipped_schema_has_a_description_and_a_default() -> None:
    keys = {path: part for path, part in keys_of(SHIPPED_SCHEMA) if not path.endswith(">")}
    assert len(keys) > 100
    assert [path for path, part in keys.items() if "description" not in part] == []
    needed = {".inputs.metadata", ".inputs.captions.<items>.files", ".text.variants.<items>.template"}
    export = ".exports.<additionalProperties>"
    needed |= {f"{export}.form", f"{export}.variants.<items>.template"}
    filters = {path for path in keys if path.startswith(".subsets.")}
    assert {path for path, part in keys.items() if "default" not in part} == needed | filters


def test_no_default_is_of_the_sample() -> None:
    full = check_config({"inputs": {"metadata": ["a.parquet"]}}, SHIPPED_SCHEMA)
    assert "sample" not in str(full) and full["subsets"] == {} and full["inputs"]["captions"] == []


def test_a_key_twice_in_a_section_is_found_with_its_lines() -> None:
    text = """a: 1
b: {c: 1, "c": 2}
d:
  - e: 1
    f: &f {g: 1}
    e: 2
a:
  a: *f
"""
    assert duplicate_keys(text) == [
        "b.c: twice, in lines 2 and 2: keep one",
        "d.0.e: twice, in lines 4 and 6: keep one",
        "a: twice, in lines 1 and 7: keep one",
    ]
    assert duplicate_keys("a: &a [*a, {b: *a, c: 1}]") == []


@pytest.mark.parametrize("text", ["", "# nothing\n", "5", (ROOT / "config.yaml").read_text("utf-8")])
def test_files_without_a_key_twice(text: str) -> None:
    assert duplicate_keys(text) == []


def numbers(schema: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], dict[str, Any]]:
    """The schemas of all keys of a section that take numbers."""
    found = {}
    for key, part in schema.get("properties", {}).items():
        if re.search("integer|number", str(part.get("type"))):
            found[*path, key] = part
        found |= numbers(part, (*path, key))
    return found


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "1e999"])
def test_no_number_of_the_shipped_schema_may_be_nan_or_infinite(value: float) -> None:
    for path in numbers(SHIPPED_SCHEMA):
        config: Any = value
        for key in reversed(path):
            config = {key: config}
        with pytest.raises(UserError, match=rf"^config\.yaml: {re.escape('.'.join(path))}: .* is not a"):
            check_config({"inputs": {"metadata": ["a.parquet"]}, **config}, SHIPPED_SCHEMA)
