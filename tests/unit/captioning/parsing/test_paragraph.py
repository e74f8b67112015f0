import json
import re

import pytest
from hypothesis import example, given, settings
from nested_values import nested

from booruflow.captioning.parsing.outcome import Bad, Good
from booruflow.captioning.parsing.parser import Options, parse

UNDERSCORED = re.compile(r"[A-Za-z]_\w")
MARKER = re.compile(r"Zq\d+w")

COUNTEREXAMPLES = {
    "a speaker within a speaker": {
        "character": "Zq0w stands in the field.",
        "character_1": "Zq1w stands in the field.",
        "texts": {"character": "Zq2w", "character_1": {"character": "Zq3w"}},
    },
    "a place before an object that is only a place": {
        "position": "short Zq0w",
        "japanese_text": {"location": "in the Zq1w corner"},
        "speech_bubble": "Zq2w",
    },
    "a place within what a speaker says": {"text": {"character": "Zq0w", "page": {"location": "in the Zq1w corner"}}},
    "a key that is a name, after a speaker": {"speech_bubble": {"speaker": "Zq0w", "Senko": "Zq1w"}},
    "a translation without its text": {"translation": "Zq0w", "texts": {"language": "Zq1w"}},
    "a name that ends as its description does": {"character_1": {"type": "Zq0w {odd} [kept]", "character": "Zq1w {odd} [kept]"}},
    "a kind of text that only exists": {"type": "Speech bubble above Zq0w's head.", "dialogue": {"text": True}},
    "a speaker known by the key alone": {"dialogue": {"title": "Zq0w", "Senko": {"type": "Zq1w"}}},
}


def with_counterexamples(test):
    for value in COUNTEREXAMPLES.values():
        test = example((value, MARKER.findall(json.dumps(value))))(test)
    return test


@settings(max_examples=4 * settings.default.max_examples)
@with_counterexamples
@given(nested())
def test_all_prose_appears_once_and_in_order(case):
    value, markers = case
    outcome = parse(json.dumps(value), "stop", "json", Options(None, salvage=True))
    if not markers:
        assert isinstance(outcome, Bad) or not re.search(r"Zq", outcome.caption)
        return
    assert isinstance(outcome, Good), (value, outcome)
    assert MARKER.findall(outcome.caption) == markers, f"{json.dumps(value)} => {outcome.caption}"
    assert not re.search(r"[{}\[\]]", outcome.caption)
    assert not UNDERSCORED.search(outcome.caption), (value, outcome.caption)
    assert ".." not in outcome.caption and "  " not in outcome.caption


@pytest.mark.parametrize(
    ("value", "caption"),
    [
        ({"texts": [{"speaker": "Rin", "text": {"speaker": "Senko", "text": "Hi"}}]}, 'Rin: Senko says "Hi".'),
        ({"texts": [{"speaker": "Rin", "text": {"location": "top", "text": "Hi"}}]}, 'Rin, at the top, says "Hi".'),
        ({"top_panel": {"location": "left"}, "background": "A park."}, "In the top panel, on the left. A park."),
        (
            {"characters": {"Rin": "A tall girl stands.", "Ran": None}, "background": "A park."},
            "Rin: A tall girl stands. A park.",
        ),
        ({"dialogue": {"Senko": {"location": "top", "text": "Hi"}}}, 'At the top, Senko says "Hi".'),
        ({"objects": [{"name": "small vase", "description": "A vase."}]}, "Small vase: A vase."),
    ],
)
def test_nested_values_keep_their_reading_order(value, caption):
    assert parse(json.dumps(value), "stop", "json", Options(None, salvage=True)) == Good(caption)
