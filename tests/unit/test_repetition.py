from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.repetition import LONGEST_PERIOD, ROUNDS, SHORTEST_LOOP, loops

TEXT = """
A girl with long, light blue hair styled in twin drills, adorned with a small yellow flower. She has red eyes, small purple
horns, and is wearing a black t-shirt with a bear design, a purple skirt with frills, and purple pantyhose. The background is
a night sky with stars, and there is a speech bubble on the right that says ha ha ha ha ha ha!
"""
PROSE = TEXT.split()


@given(st.lists(st.integers(0, 400), min_size=1, max_size=LONGEST_PERIOD), st.lists(st.integers(), max_size=50))
def test_a_phrase_again_and_again_is_a_loop(phrase, before):
    rounds = max(ROUNDS, -(-SHORTEST_LOOP // len(phrase)))
    assert loops(before + phrase * rounds)
    assert loops(before + phrase * (rounds + 1) + phrase[: len(phrase) // 2])


@given(st.lists(st.integers(), unique=True, max_size=300))
def test_no_repetition_is_no_loop(items):
    assert not loops(items)


@pytest.mark.parametrize("end", range(1, len(PROSE) + 1))
def test_prose_is_no_loop(end):
    assert not loops(PROSE[:end])


def test_ten_cries_are_no_loop():
    assert not loops([*PROSE, *["ha"] * 40])
    assert loops([*PROSE, *["ha"] * 60])


def test_a_list_whose_entries_differ_is_no_loop():
    entries = [token for n in range(30) for token in ("{", "text", ":", f"word{n}", ",", "location", ":", "left", "}", ",")]
    assert not loops(entries)


def test_a_real_endless_output_is_a_loop():
    path = Path(__file__).parents[3] / "shared/data/toriigate_raw_0.txt"
    if not path.exists():
        pytest.skip("no real outputs beside the repository")
    words = path.read_text().split()
    first = next(n for n in range(0, len(words), 16) if loops(words[:n]))
    assert words[: first - 70].count("NIGHT") < 5
    good = path.with_name("toriigate_raw_1.txt").read_text().split()
    assert not any(loops(good[:n]) for n in range(len(good)))
