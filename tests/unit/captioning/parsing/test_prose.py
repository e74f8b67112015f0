import json
import re

from hypothesis import given, settings
from nested_values import nested

from booruflow.captioning.parsing import Bad, Good, parse

UNDERSCORED = re.compile(r"[A-Za-z]_\w")


@settings(max_examples=400, deadline=None)
@given(nested())
def test_every_prose_once_and_in_order(case):
    value, markers = case
    outcome = parse(json.dumps(value))
    if not markers:
        assert isinstance(outcome, Bad) or not re.search(r"Zq", outcome.caption)
        return
    assert isinstance(outcome, Good), (value, outcome)
    assert re.findall(r"Zq\d+w", outcome.caption) == markers, f"{json.dumps(value)} => {outcome.caption}"
    assert not re.search(r"[{}\[\]]", outcome.caption)
    assert not UNDERSCORED.search(outcome.caption), (value, outcome.caption)
    assert ".." not in outcome.caption and "  " not in outcome.caption
