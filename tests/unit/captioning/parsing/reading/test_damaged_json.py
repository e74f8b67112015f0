import json

import pytest

from booruflow.captioning.parsing.json_values import Pairs
from booruflow.captioning.parsing.reading.damaged_json import read_damaged


def plain(value):
    if isinstance(value, Pairs):
        return {name: plain(inner) for name, inner in value}
    return list(map(plain, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "She said "hi" to him.", "b": "x"}', {"a": 'She said "hi" to him.', "b": "x"}),
        ("{'a': 'It's a 'long' day.', 'b': 'x'}", {"a": "It's a 'long' day.", "b": "x"}),
        ('{"a": "x" "b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": "x",, "b": "y",}', {"a": "x", "b": "y"}),
        ('{"a": "A park., "b": "y"}', {"a": "A park.", "b": "y"}),
        ('{"a": A park.", "b": "y"}', {"a": "A park.", "b": "y"}),
        ('{a: "x", b_c: [1, true, None, -2.5,]}', {"a": "x", "b_c": [1, True, None, -2.5]}),
        ('{"a: "x", b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": ["x" // one\n, "y" /* two */]}', {"a": ["x", "y"]}),
        ('{"a": ["x", "y"}', {"a": ["x", "y"]}),
        ('{"a": [{"b": "x", {"b": "y"}]}', {"a": [{"b": "x", "": {"b": "y"}}]}),
        ('{"a": "x"}}, "b": "y"}', [{"a": "x"}, {"b": "y"}]),
        ('{"a": "caf\\u00e9 \\d "q" \\"r\\""}', {"a": 'café \\d "q" "r"'}),
        ('{"a": ["text": "x"]}', {"a": [{"text": "x"}]}),
    ],
)
def test_a_damage(text, value):
    damaged = read_damaged(text)
    assert damaged is not None and plain(damaged.value) == value
    assert not (damaged.partial or damaged.dangling)


@pytest.mark.parametrize("text", ['{"a" "b" "c"}', '{"a", "b"}'])
def test_what_would_lose_words_is_unreadable(text):
    assert read_damaged(text) is None


def test_each_cut_of_an_answer_is_marked():
    value = {"a": "One. Two.", "b": ["x", {"c": "Three."}], "d": "four"}
    text = json.dumps(value)
    for cut in range(1, len(text)):
        damaged = read_damaged(text[:cut])
        assert damaged is not None and damaged.ended, text[:cut]
        if text[cut - 1] not in "}]" and not text[:cut].endswith(('."', ", ", ",")):
            assert damaged.partial or damaged.dangling or not plain(damaged.value) or text[cut - 1] in "[{", text[:cut]
