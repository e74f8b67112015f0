import pytest

from booruflow.captioning.parsing.words import clean, ended, listed, lowered, mentions, quoted, stopped, to_last_stop, where


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  a \n b\t\u2028c\u3000d  ", "a b c d"),
        ("a\x00b\ud800c\u200b", "abc"),
        ("{a|b} [c]", "(a|b) (c)"),
        ("**bold** and *sigh*", "bold and *sigh*"),
        ("two\\nlines", "two lines"),
        ('say \\"hi\\"', 'say "hi"'),
        ("character_2 hugs character_1.", "The second character hugs the first character."),
        ("the character_2", "the second character"),
        ("by foo_bar", "by foo_bar"),
        ("end<|im_end|>", "end"),
        ("café e\u0301", "café e\u0301"),
    ],
)
def test_clean(raw, expected):
    assert clean(raw) == expected


@pytest.mark.parametrize("text", ["a.", "a!", 'a."', "a。", "「a」", "a…", "a♪", "(a.)", "a?'"])
def test_ended(text):
    assert ended(text) and stopped(text) == text


@pytest.mark.parametrize(("text", "expected"), [("a", "a."), ("a,", "a."), ('says "a"', 'says "a".'), ("", ""), ("a: ", "a.")])
def test_stopped(text, expected):
    assert stopped(text) == expected


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
    assert to_last_stop(text) == expected


@pytest.mark.parametrize(
    ("place", "phrase"),
    [
        ("top", "at the top"),
        ("left", "on the left"),
        ("top left", "in the top left"),
        ("Upper right corner", "in the upper right corner"),
        ("the bottom of the image", "at the bottom of the image"),
        ("Speech bubble above Naegi's head.", "in a speech bubble above Naegi's head"),
        ("On the girl's shirt", "on the girl's shirt"),
        ("Panel 2, bottom", "in the second panel, at the bottom"),
        ("left of the girl", "to the left of the girl"),
        ("Sign", "on the sign"),
        ("Kirigiri's shirt", "on Kirigiri's shirt"),
        ("top_left_corner", "in the top left corner"),
        ("The text is at the top.", ""),
        ("Kirigiri", ""),
        ("", ""),
    ],
)
def test_where(place, phrase):
    assert where(place) == phrase


def test_small_words():
    assert listed([]) == "" and listed(["a"]) == "a" and listed(["a", "b"]) == "a and b" and listed(list("abc")) == "a, b, and c"
    assert lowered("The girl") == "the girl" and lowered("Senko") == "Senko" and lowered("A") == "a" and lowered("THE") == "THE"
    assert mentions("Two green eyes.", "eye") and mentions("berries", "berry") and not mentions("scarf", "car")
    assert quoted('"Hi"') == '"Hi"' and quoted('He "x"') == "\"He 'x'\"" and quoted("'Hi'") == '"Hi"'
