from typing import Any

import pytest
from example_schema import SCHEMA

from booruflow.core.config import check_config
from booruflow.core.errors import UserError


def errors(config: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        check_config({"metadata": "x", **config}, SCHEMA)
    lines = str(caught.value).splitlines()
    assert all(line.startswith("config.yaml: ") for line in lines)
    return [line.removeprefix("config.yaml: ") for line in lines]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"captioner": {"max_new_token": 5}}, "captioner.max_new_token: unknown key; did you mean max_new_tokens?"),
        ({"captoner": {}}, "captoner: unknown key; did you mean captioner?"),
        ({5: 1}, "5: unknown key; known keys: metadata, seed, captioner, sources, subsets"),
        ({"zzz": 1}, "zzz: unknown key; known keys: metadata, seed, captioner, sources, subsets"),
        ({"subsets": {"a": {"tags": "b", "tag": "c"}}}, "subsets.a.tags: unknown key; did you mean tag?"),
        ({"subsets": {"a": None}}, "subsets.a.tag: missing: add it"),
        ({"seed": -1}, "seed: -1 is below 0"),
        ({"seed": "x7"}, 'seed: "x7" is not an integer'),
        ({"seed": True}, "seed: true is not an integer"),
        ({"seed": 1.5}, "seed: 1.5 is not an integer"),
        ({"seed": 2.0}, "seed: 2.0 is not an integer"),
        ({"seed": float("nan")}, "seed: NaN is not an integer"),
        ({"captioner": {"temperature": float("inf")}}, "captioner.temperature: Infinity is not a number or null"),
        ({"captioner": {"temperature": float("nan")}}, "captioner.temperature: NaN is not a number or null"),
        ({"seed": "nan"}, 'seed: "nan" is not an integer'),
        ({"captioner": {"max_new_tokens": 5000}}, "captioner.max_new_tokens: 5000 is above 4096"),
        ({"captioner": {"temperature": 0}}, "captioner.temperature: 0 is not above 0"),
        ({"captioner": {"temperature": "☃"}}, 'captioner.temperature: "☃" is not a number or null'),
        ({"captioner": {"backend": "vllm"}}, 'captioner.backend: "vllm" is not one of "transformers", "openai"'),
        (
            {"captioner": {"backend": "transformer"}},
            'captioner.backend: "transformer" is not one of "transformers", "openai"; did you mean transformers?',
        ),
        ({"captioner": 5}, "captioner: 5 is not a section of keys"),
        ({"sources": [{"file": "a"}, {"fil": "b", "file": "c"}]}, "sources.1.fil: unknown key; did you mean file?"),
        ({"metadata": []}, "metadata: [] has fewer entries than 1"),
        ({"metadata": ["a", 5]}, "metadata.1: 5 is not text"),
    ],
)
def test_an_error_names_its_key(config: Any, line: str) -> None:
    assert errors(config) == [line]


def test_all_errors_are_reported_at_once() -> None:
    assert errors({"seed": -1, "captioner": {"a": 1, "sampling": {"use": 1}}, "xx": 2}) == [
        "xx: unknown key; known keys: metadata, seed, captioner, sources, subsets",
        "captioner.a: unknown key; known keys: backend, max_new_tokens, temperature, sampling",
        "captioner.sampling.use: unknown key; did you mean used?",
        "seed: -1 is below 0",
    ]


def test_a_name_that_can_be_no_folder_says_which_characters_can() -> None:
    schema = {"properties": {"exports": {"type": "object", "propertyNames": {"pattern": "^[A-Za-z0-9_-]+$"}}}}
    with pytest.raises(UserError, match=r'exports: "a/b" does not match .*: use only letters A to Z, digits, - and _$'):
        check_config({"exports": {"a/b": {}}}, schema)
