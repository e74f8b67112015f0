from collections.abc import Iterator
from pathlib import Path

import yaml
from example_schema import SCHEMA
from jsonschema.validators import Draft202012Validator

from booruflow.core.config import Tree
from config_reference import config_reference

ROOT = Path(__file__).parents[2]


def read_schema() -> Tree:
    schema: Tree = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))
    return schema


def keywords(schema: Tree) -> Iterator[str]:
    """The keywords of a schema and of all schemas in it."""
    yield from schema
    parts = [
        *schema.get("properties", {}).values(),
        *(schema.get(name) for name in ("items", "additionalProperties", "propertyNames")),
    ]
    for part in parts:
        if isinstance(part, dict):
            yield from keywords(part)


def test_the_schema_has_known_keywords_alone() -> None:
    """An unquoted comma in a description makes a keyword of the words behind it."""
    annotations = {"$schema", "title", "description", "default", "additionalProperties"}
    assert set(keywords(read_schema())) <= annotations | set(Draft202012Validator.VALIDATORS)


def test_the_page_is_current() -> None:
    schema = read_schema()
    assert (ROOT / "docs/config.md").read_text("utf-8") == config_reference(schema), "run `make docs`"


def test_the_reference_has_a_table_for_each_section() -> None:
    assert (
        config_reference(SCHEMA)
        == """\
# Configuration

All settings.

| key | type | default | description |
|---|---|---|---|
| `metadata` | text or list of text, at least 1 | (required) | The metadata, one file or many. |
| `seed` | integer, ≥ 0 | `1` | Seed of the random numbers. |
| `sources` | list of sections | `[{"file": "a.json"}]` | Caption files. |
| `subsets` | names of your own | `{}` | Filters by name. |

## `captioner`

Model and settings.

| key | type | default | description |
|---|---|---|---|
| `backend` | one of `"transformers"`, `"openai"` | `"transformers"` | Engine that runs. |
| `max_new_tokens` | integer, ≥ 1, ≤ 4096 | `512` | Limit of an answer. |
| `temperature` | number or null, > 0 | `null` | 0 is greedy \\| exact; \\<n> stays. |

## `captioner.sampling`

Sampling settings.

| key | type | default | description |
|---|---|---|---|
| `used` | boolean | `false` | Sample or not. |

## `sources[]`

One file.

| key | type | default | description |
|---|---|---|---|
| `file` | text | (required) | A path. |
| `id` | text | `"id"` | A column. |

## `subsets.<name>`

One filter.

| key | type | default | description |
|---|---|---|---|
| `tag` | text | (required) | A tag that posts have. |
| `size` | integer, a multiple of 8 | (none) | A size. |
| `score` | integer | `-100` | The lowest score. |
"""
    )
