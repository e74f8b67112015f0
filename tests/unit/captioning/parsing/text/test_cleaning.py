import pytest

from booruflow.captioning.parsing.text.cleaning import clean


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
        ("long hair_ and _really_ _blue eyes__.", "long hair and really blue eyes."),
        ("by @kuro_, T_T and O_o, a __ b, 400_", "by @kuro_, T_T and O_o, a __ b, 400_"),
        ("end<|im_end|>", "end"),
        ("café e\u0301", "café e\u0301"),
    ],
)
def test_clean(raw, expected):
    assert clean(raw) == expected
