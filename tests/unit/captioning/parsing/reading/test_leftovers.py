import pytest

from booruflow.captioning.parsing.reading.leftovers import has_json_syntax, has_leftovers


@pytest.mark.parametrize(
    "text",
    [
        "al': 'Two cats', 'image_effects': 'blur'}",
        '"general": "Two cats"',
        'A girl. "background" : "blur"',
        '\\"general\\": \\"Two cats\\"',
        "{general: Two cats}",
        '{"main_co"Hi", "Go away"]',
        'The texts are ["Hello", "World"].',
        "Two cats'}]",
        '"Monday": ["closed"]',
        '"image_count": 3',
        "caf\\u00e9",
        '"gene\x00ral\x00": "x"',
    ],
)
def test_json_syntax(text):
    assert has_json_syntax(text)


@pytest.mark.parametrize(
    "text",
    [
        'The board reads "Monday": "closed".',
        "A girl {smiling} [sic] called {a|b}",
        'She says: "Hi"',
        "Senko's: a bar",
        '["Rin"]',
        ":3",
    ],
)
def test_prose_with_quotes_and_brackets(text):
    assert not has_json_syntax(text)


def test_names_of_keys():
    assert has_leftovers([], ["The image_effects are blur."], damaged=False)
    assert has_leftovers(["odd_key"], ["The odd_key is blur."], damaged=False)
    assert not has_leftovers(["character_2"], ["character_2 hugs foo_bar, @main_character."], damaged=False)


@pytest.mark.parametrize("text", ["by foo_bar", 'A park., "background" It', 'x", tail: blur', ", A park."])
def test_damaged_json_is_not_trusted(text):
    assert has_leftovers([], [text], damaged=True) and not has_leftovers([], [text], damaged=False)
