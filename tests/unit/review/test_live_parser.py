import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.captioning.fixed import Edit, fixed_captions
from booruflow.captioning.parse import ParserSettings
from booruflow.core.errors import UserError
from booruflow.review.live_parser import parsed_caption, parsed_text

SETTINGS = ParserSettings("json", "By {artist}.", None, False)
WHOLE = {"character": "A girl with long red hair sits at a table.", "background": "A quiet garden.", "texts": "None"}
LOOP = "She has a red bow in her hair. " * 40


def parsed(text, finish_reason="stop"):
    return parsed_text(text, finish_reason, ["ink_pot"], SETTINGS)


def test_a_text_gives_the_caption_that_the_workflow_makes():
    assert parsed(json.dumps(WHOLE)).caption == "By ink pot. A girl with long red hair sits at a table. A quiet garden."
    assert parsed_caption("  Typed  {by} [hand]. ", SETTINGS).caption == "Typed  {by} [hand]."


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason", "fault"),
    [
        (json.dumps(WHOLE)[:-30] + ' "atmosphere": "The mood', "length", "truncated", '"atmosphere": "The mood'),
        (json.dumps({"character": LOOP}), "stop", "repetition", LOOP[31:62]),
        ("I'm sorry, but I can't help with that.", "stop", "refusal", "I'm sorry"),
        ("```\nI cannot assist with this request.\n```", "stop", "refusal", "I cannot assist"),
        ('{"character": "A girl", "background" "A garden", {{"x": "y"}', "stop", "not_json", '"A garden"'),
    ],
)
def test_the_fault_is_marked(text, finish_reason, reason, fault):
    found = parsed(text, finish_reason)
    assert (found.caption, found.reason) == (None, reason)
    start, end = found.fault
    assert fault in text[start:end] or text[start:end] in fault


def test_the_sound_part_is_what_salvage_keeps():
    cut = json.dumps(WHOLE)[:-2] + '", "atmosphere": "The mood is'
    found = parsed(cut, "length")
    assert found.sound == "By ink pot. A girl with long red hair sits at a table. A quiet garden."
    assert parsed("I'm sorry, but I can't help with that.").sound is None
    assert parsed(json.dumps(WHOLE)).sound is None


@given(st.text(st.sampled_from("{}[]\":, \nabc.é日\\`'I cannot")) | st.text(), st.sampled_from(["stop", "length", "repetition"]))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_text_has_an_outcome_and_its_fault_lies_within(text, finish_reason):
    for found in (parsed(text, finish_reason), parsed_caption(text, SETTINGS)):
        assert (found.caption is None) == bool(found.reason)
        if found.fault:
            assert 0 <= found.fault[0] < found.fault[1] <= len(text)


@given(st.text(st.sampled_from('{}[]":, \nabc.é')) | st.text())
@settings(max_examples=200, derandomize=True, deadline=None)
def test_the_rule_fixed_takes_what_is_shown_and_refuses_what_is_bad(text):
    for entry, found in (({"text": text}, parsed(text)), ({"caption": text}, parsed_caption(text, SETTINGS))):
        if "caption" in entry and not text.strip():
            continue  # such an entry is read as one without a caption
        try:
            captions = fixed_captions({1: Edit(entry, "")}, {1: ["ink_pot"]}, SETTINGS)
        except UserError:
            captions = {1: None}
        assert captions == {1: found.caption}
