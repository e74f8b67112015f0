import pytest

from booruflow.captioning.parsing.text.grammar import (
    complete_sentences,
    has_end_mark,
    join_list,
    lower_first,
    mentions,
    quoted,
    with_full_stop,
)


@pytest.mark.parametrize("text", ["a.", "a!", 'a."', "a。", "「a」", "a…", "a♪", "(a.)", "a?'"])
def test_ended(text):
    assert has_end_mark(text) and with_full_stop(text) == text


@pytest.mark.parametrize(("text", "expected"), [("a", "a."), ("a,", "a."), ('says "a"', 'says "a".'), ("", ""), ("a: ", "a.")])
def test_stopped(text, expected):
    assert with_full_stop(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A girl. She wal", "A girl."),
        ("A girl with Mr. Foo", ""),
        ('A girl. It reads "Hi. You', "A girl."),
        ("今日。明日", "今日。"),
        ("3.5 metres", ""),
        ("no end", ""),
    ],
)
def test_to_last_stop(text, expected):
    assert complete_sentences(text) == expected


def test_small_words():
    assert (
        join_list([]) == ""
        and join_list(["a"]) == "a"
        and join_list(["a", "b"]) == "a and b"
        and join_list(list("abc")) == "a, b, and c"
    )
    assert (
        lower_first("The girl") == "the girl"
        and lower_first("Senko") == "Senko"
        and lower_first("A") == "a"
        and lower_first("THE") == "THE"
    )
    assert mentions("Two green eyes.", "eye") and mentions("berries", "berry") and not mentions("scarf", "car")
    assert quoted('"Hi"') == '"Hi"' and quoted('He "x"') == "\"He 'x'\"" and quoted("'Hi'") == '"Hi"'
