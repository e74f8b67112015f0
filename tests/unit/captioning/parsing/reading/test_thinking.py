import pytest

from booruflow.captioning.parsing.outcome import Bad, Good, Reason
from booruflow.captioning.parsing.parser import Options, parse
from booruflow.captioning.parsing.reading.thinking import without_thinking

ANSWER = "A girl stands in a field of flowers."


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\nThe user wants a caption.\n</think>\n\n{ANSWER}",
        f"<think></think>{ANSWER}",
        f"The user wants a caption. A boy?\n</think>\n\n{ANSWER}",
        f"<think>One.</think><think>Two.</think>\n{ANSWER}",
        f"<think>One. <think>Two.</think>\n{ANSWER}",
        f"One.</think>Two.</think>{ANSWER}",
        f'<Thinking mode="deep">Hm.</Thinking>{ANSWER}',
        f"< think >Hm.</ think >{ANSWER}",
        f"{ANSWER}\n<think>Was that good?",
        f"{ANSWER}<think>Was that good?</think>",
    ],
)
def test_thoughts_never_reach_a_caption(text):
    assert without_thinking(text).strip() == ANSWER
    assert parse(text, "stop", "prose", Options(None, salvage=False)) == Good(ANSWER)


def test_thoughts_before_json():
    text = '<think>{"a": "b"}</think>{"character": "A girl stands."}'
    assert parse(text, "stop", "json", Options(None, salvage=False)) == Good("A girl stands.")


def test_nothing_but_thoughts():
    options = Options(None, salvage=True)
    assert parse("<think>The user wants", "length", "prose", options) == Bad(Reason.TRUNCATED)
    assert parse("<think>Hm. Hm. Hm.", "repetition", "json", options) == Bad(Reason.REPETITION)
    assert parse("<think>Done.</think>", "stop", "prose", options) == Bad(Reason.EMPTY)


def test_other_brackets_stay():
    text = "The sign reads <3 and <b>think</b> of a < b > c. A thinker thinks."
    assert without_thinking(text) == text


def test_linear_time():
    assert without_thinking("<think>" * 100_000) == ""
    assert without_thinking("</think>" * 100_000) == ""
    assert without_thinking("<think " * 100_000) == "<think " * 100_000
