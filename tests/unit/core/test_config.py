from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from booruflow.core.config import check_config, config_reference, defaults
from booruflow.core.errors import UserError

ROOT = Path(__file__).parents[3]

SCHEMA: dict[str, Any] = yaml.safe_load("""
$schema: https://json-schema.org/draft/2020-12/schema
title: Configuration
description: All that can be set.
type: object
additionalProperties: false
required: [metadata]
properties:
  metadata:
    description: The metadata, one file or many.
    type: [string, array]
    items: {type: string}
    minItems: 1
  seed: {description: Where chance starts., type: integer, default: 1, minimum: 0}
  captioner:
    description: >-
      How captions
      are made.
    type: object
    additionalProperties: false
    properties:
      backend: {description: Which engine runs., enum: [transformers, openai], default: transformers}
      max_new_tokens: {description: Where an output is cut., type: integer, default: 512, minimum: 1, maximum: 4096}
      temperature: {description: 0 is greedy | exact; <n> stays., type: [number, "null"], default: null, exclusiveMinimum: 0}
      sampling:
        description: More of it.
        type: object
        additionalProperties: false
        properties:
          used: {description: Whether., type: boolean, default: false}
  sources:
    description: Where captions stand.
    type: array
    default: [{file: a.json}]
    items:
      description: One place.
      type: object
      additionalProperties: false
      required: [file]
      properties:
        file: {description: A path., type: string}
        id: {description: A column., type: string, default: id}
  subsets:
    description: Filters by name.
    type: object
    default: {}
    additionalProperties: {$ref: "#/$defs/subset"}
$defs:
  subset:
    description: One filter.
    type: object
    additionalProperties: false
    required: [tag]
    properties:
      tag: {description: A tag that posts have., type: string}
      score: {description: The least score., type: integer, default: -100}
""")

CAPTIONER = {"backend": "transformers", "max_new_tokens": 512, "temperature": None, "sampling": {"used": False}}


def errors(config: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        check_config({"metadata": "x", **config}, SCHEMA, "my.yaml")
    lines = str(caught.value).splitlines()
    assert all(line.startswith("my.yaml: ") for line in lines)
    return [line.removeprefix("my.yaml: ") for line in lines]


def test_the_example_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


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


def test_what_is_set_wins_and_an_empty_section_has_its_defaults() -> None:
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
def test_text_from_the_command_line_is_read_as_what_the_schema_asks_for(config: Any, full: Any) -> None:
    assert check_config({"metadata": "x", **config}, SCHEMA) == {**check_config({"metadata": "x"}, SCHEMA), **full}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"captioner": {"max_new_token": 5}}, "captioner.max_new_token: unknown key; did you mean max_new_tokens?"),
        ({"captoner": {}}, "captoner: unknown key; did you mean captioner?"),
        ({5: 1}, "5: unknown key; known here: metadata, seed, captioner, sources, subsets"),
        ({"zzz": 1}, "zzz: unknown key; known here: metadata, seed, captioner, sources, subsets"),
        ({"subsets": {"a": {"tags": "b", "tag": "c"}}}, "subsets.a.tags: unknown key; did you mean tag?"),
        ({"subsets": {"a": None}}, "subsets.a.tag: missing"),
        ({"seed": -1}, "seed: -1 is below 0"),
        ({"seed": "x7"}, 'seed: "x7" is not an integer'),
        ({"seed": True}, "seed: true is not an integer"),
        ({"seed": 1.5}, "seed: 1.5 is not an integer"),
        ({"seed": "nan"}, 'seed: "nan" is not an integer'),
        ({"captioner": {"max_new_tokens": 5000}}, "captioner.max_new_tokens: 5000 is above 4096"),
        ({"captioner": {"temperature": 0}}, "captioner.temperature: 0 is not above 0"),
        ({"captioner": {"temperature": "☃"}}, 'captioner.temperature: "☃" is not a number or null'),
        ({"captioner": {"backend": "vllm"}}, 'captioner.backend: "vllm" is not one of "transformers", "openai"'),
        ({"captioner": 5}, "captioner: 5 is not a section of keys"),
        ({"sources": [{"file": "a"}, {"fil": "b", "file": "c"}]}, "sources.1.fil: unknown key; did you mean file?"),
        ({"metadata": []}, "metadata: [] has fewer entries than 1"),
        ({"metadata": ["a", 5]}, "metadata.1: 5 is not text"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(config: Any, line: str) -> None:
    assert errors(config) == [line]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert errors({"seed": -1, "captioner": {"a": 1, "sampling": {"use": 1}}, "xx": 2}) == [
        "xx: unknown key; known here: metadata, seed, captioner, sources, subsets",
        "captioner.a: unknown key; known here: backend, max_new_tokens, temperature, sampling",
        "captioner.sampling.use: unknown key; did you mean used?",
        "seed: -1 is below 0",
    ]


def test_the_reference_has_a_table_for_each_section() -> None:
    assert (
        config_reference(SCHEMA)
        == """\
# Configuration

All that can be set.

| key | type | default | description |
|---|---|---|---|
| `metadata` | text or list of text, at least 1 | (required) | The metadata, one file or many. |
| `seed` | integer, ≥ 0 | `1` | Where chance starts. |
| `sources` | list of sections | `[{"file": "a.json"}]` | Where captions stand. |
| `subsets` | names of your own | `{}` | Filters by name. |

## `captioner`

How captions are made.

| key | type | default | description |
|---|---|---|---|
| `backend` | one of `"transformers"`, `"openai"` | `"transformers"` | Which engine runs. |
| `max_new_tokens` | integer, ≥ 1, ≤ 4096 | `512` | Where an output is cut. |
| `temperature` | number or null, > 0 | `null` | 0 is greedy \\| exact; \\<n> stays. |

## `captioner.sampling`

More of it.

| key | type | default | description |
|---|---|---|---|
| `used` | boolean | `false` | Whether. |

## `sources[]`

One place.

| key | type | default | description |
|---|---|---|---|
| `file` | text | (required) | A path. |
| `id` | text | `"id"` | A column. |

## `subsets.<name>`

One filter.

| key | type | default | description |
|---|---|---|---|
| `tag` | text | (required) | A tag that posts have. |
| `score` | integer | `-100` | The least score. |
"""
    )


def uncommented(text: str) -> list[str]:
    """The keys of a YAML file that have no comment on their line nor in the block of comments above it."""
    lines = text.splitlines()
    keys = [i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(("#", "- "))]
    return [lines[i] for i in keys if " #" not in lines[i] and not (i and lines[i - 1].lstrip().startswith("#"))]


def test_a_key_without_a_comment_is_found() -> None:
    assert uncommented("# About a\na: 1\nb: 2\nc: 3  # about c\nd:\n  # about e\n  e: 1\n") == ["b: 2", "d:"]


SHIPPED = ROOT / "config.yaml"


@pytest.mark.skipif(not SHIPPED.exists(), reason="no config.yaml yet")
class TestShipped:
    schema = property(lambda self: yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8")))

    def test_the_schema_is_one(self) -> None:
        Draft202012Validator.check_schema(self.schema)

    def test_the_file_holds_the_defaults(self) -> None:
        assert yaml.safe_load(SHIPPED.read_text("utf-8")) == defaults(self.schema)

    def test_every_key_is_commented(self) -> None:
        assert uncommented(SHIPPED.read_text("utf-8")) == []

    def test_the_reference_is_current(self) -> None:
        page = ROOT / "docs/config.md"
        assert page.read_text("utf-8") == config_reference(self.schema), "run `make docs`"
