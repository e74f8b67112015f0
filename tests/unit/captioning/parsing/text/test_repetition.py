import random
from pathlib import Path

import pytest

from booruflow.captioning.parsing.text.repetition import loops

DATA = Path(__file__).parents[4] / "data"


def test_a_real_endless_output_loops_at_its_second_all_night():
    text = (DATA / "toriigate_raw_0.txt").read_text(encoding="utf-8")
    begin = loops(text)
    assert begin is not None
    assert text[:begin].count("ALL NIGHT") <= 2
    assert text[:begin].startswith('{ \n  "character_1": "A girl with long, light blue hair')


def test_a_real_good_output_does_not_loop():
    assert loops((DATA / "toriigate_raw_1.txt").read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    "text",
    ["ha " * 30, "Ha ha ha ha", "The text reads " + "ALL NIGHT " * 6, "A" * 60, "!" * 40, "", " ", "She smiles. " * 3],
)
def test_a_few_repeated_words_are_not_a_loop(text):
    assert loops(text) is None


def test_the_index_is_just_after_the_first_copy():
    assert loops("x. " + "She smiles at the viewer. " * 8) in range(
        len("x. She smiles"), len("x. She smiles at the viewer. ") + 1
    )


def test_copies_that_differ_in_their_digits_loop():
    text = '{"texts": {' + "".join(f'"text_{number}": "the", ' for number in range(60))
    assert loops(text) is not None


def test_a_sentence_that_recurs_among_others_loops():
    draw = random.Random(1)
    others = [f"Thing number {'abcdefghijklmnop'[n]} stands beside the {n * 'very '}old gate. " for n in range(12)]
    text = "".join(draw.choice(others) + "The girl is looking at the viewer with a smile. " for _ in range(7))
    assert loops(text) is not None


def test_a_loop_is_detected_while_the_text_grows():
    head = "A girl stands in a park with a dog, and a boy runs after the two of them. "
    found = [loops(head + "and then " * copies) is not None for copies in range(40)]
    assert not found[10] and found[30]
