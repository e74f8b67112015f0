"""Parsing takes time linear in the text, whatever it contains: 100 KB (for a few kinds 1 MB) in a fraction of a second."""

import json
import random
import time

import pytest

from booruflow.captioning.parsing.parser import Options, parse, parse_edited
from booruflow.captioning.parsing.text.repetition import loops

DRAW = random.Random(3)
WORDS = ["".join(DRAW.choices("abcdefghijklmnopqrstuvwxyz", k=DRAW.randint(2, 9))) for _ in range(20_000)]
SIZE = 100_000


def fibonacci(size):
    """A text without a loop in which each stretch recurs soon."""
    before, text = "a", "ab"
    while len(text) < size:
        before, text = text, text + before
    return text


UNITS = ["a", "and ", " ", "\n", ".", "😀", "\\", '"', "'", "'a ", "“a ", "「", "{", "[", "[]", "{}", "}", '{"', '":', "/*", ", "]
UNITS += [
    "**a ",
    "_",
    "`",
    "[a](b",
    "Mr. ",
    "text_1 ",
    "# a\n",
    "- a\n",
    "left most ",
    "<|box_start|>",
    "x}, ",
    "|--",
    "a_",
    '\\"',
]
TEXTS = {
    **{repr(unit): unit * (SIZE // len(unit)) for unit in UNITS},
    "Japanese": "".join(DRAW.choices([chr(0x3042 + n) for n in range(80)], k=SIZE)),
    "tag list": ", ".join(DRAW.choices(WORDS, k=SIZE // 8)),
    "prose": ". ".join(" ".join(DRAW.choices(WORDS, k=9)) for _ in range(SIZE // 60)),
    "lines": "\n".join(DRAW.choices(WORDS, k=SIZE // 7)),
    "Fibonacci": fibonacci(SIZE),
    "dots before a word": "." * SIZE + "x",
    "heading with spaces": "# a" + " " * SIZE + "b",
    "table with spaces": "|--|" + " " * SIZE + "x",
    "numbers": " ".join(map(str, range(SIZE // 6))),
    "verbs": "The sign " + "is text " * (SIZE // 8),
    "third person": "A girl " + "is with " * (SIZE // 8),
    "syntax": "".join(
        DRAW.choices(["{", "}", "[", "]", '"', ": ", ', "', "\\", "\n", "the ", 'a. "', '", "b": "', "# "], k=SIZE // 3)
    ),
}


def seconds_of(function, *arguments):
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


@pytest.mark.parametrize("kind", TEXTS)
def test_a_long_text(kind):
    text = TEXTS[kind]
    answers = [
        text,
        json.dumps({"texts": text}),
        '{"caption": "' + text,
        '{"caption": "' + text + '", "b": \'A girl.\',, }',
        "{" + text,
    ]
    options = Options(None, salvage=True)
    for answer in answers:
        for style, finish_reason in (("json", "length"), ("long", "stop")):
            assert seconds_of(parse, answer, finish_reason, style, options) < 0.5, answer[:50]
    assert seconds_of(parse_edited, {"caption": text}, "json", options) < 0.5
    assert seconds_of(loops, text) < 0.3


MANY = SIZE // 20
ANSWERS = {
    "many texts": json.dumps({"texts": WORDS[:MANY]}),
    "many keys": json.dumps(dict.fromkeys(WORDS[:MANY], "a")),
    "many annotations": '{"texts": [{"speaker": "Rin", ' + '"location": "top", ' * MANY + '"text": "Hi"}]}',
    "many names of one text": json.dumps({"a": "A girl stands. " * 3 + " ".join(WORDS[:MANY])})[:-1]
    + ', "name": "girl"' * MANY
    + "}",
    "many values": '{"a": "b"} x ' * MANY,
    "places of texts": "{" + ", ".join(f'"text_under_x": "Bob A {number}"' for number in range(MANY)) + "}",
    "coordinates": '{"x": ' * 200 + json.dumps(["1 2 3"] * MANY + ["top"]) + "}" * 200,
    "JSON within a text": json.dumps({"a": 'x {"a": "b"} ' * MANY}),
    "half-open JSON": '{"a": [' + '{"text": "abc", "location": "top' * MANY,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_of_many_parts(kind):
    assert seconds_of(parse, ANSWERS[kind], "stop", "json", Options(None, salvage=True)) < 0.6


@pytest.mark.parametrize("kind", ["Japanese", "tag list"])
def test_a_megabyte(kind):
    assert (
        seconds_of(
            parse, json.dumps({"caption": TEXTS[kind] * 10}, ensure_ascii=False), "stop", "json", Options(None, salvage=True)
        )
        < 1
    )
