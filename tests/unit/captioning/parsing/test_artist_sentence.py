import pytest

from booruflow.captioning.parsing.artist_sentence import with_artist

TEMPLATE = "The image is a digital illustration by the artist {artist}."


@pytest.mark.parametrize(
    ("artists", "expected"),
    [
        (["foo_bar"], "The image is a digital illustration by the artist foo bar. A cat."),
        (["foo_(bar)"], "The image is a digital illustration by the artist foo (bar). A cat."),
        (["a_b", "c"], "The image is a digital illustration by the artist a b and c. A cat."),
        (["a", "b", "c"], "The image is a digital illustration by the artist a, b, and c. A cat."),
        (["banned_artist", "a"], "The image is a digital illustration by the artist a. A cat."),
        (["k.o."], "The image is a digital illustration by the artist k.o. A cat."),
        (["a", "mr._b."], "The image is a digital illustration by the artist a and mr. b. A cat."),
        (["wow!"], "The image is a digital illustration by the artist wow! A cat."),
        (["a_(b.)"], "The image is a digital illustration by the artist a (b.). A cat."),
        (["artist_request"], "A cat."),
        ([], "A cat."),
        ([""], "A cat."),
    ],
)
def test_the_sentence_goes_in_front(artists, expected):
    assert with_artist("A cat.", artists, TEMPLATE) == expected


def test_another_template_and_an_empty_one():
    assert with_artist("A cat.", ["x"], "Art by {artist}.") == "Art by x. A cat."
    assert with_artist("A cat.", ["x"], "") == "A cat."
    assert with_artist("A cat.", ["x."], "By {artist}, a painter.") == "By x., a painter. A cat."
