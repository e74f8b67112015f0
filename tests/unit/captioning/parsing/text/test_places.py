import pytest

from booruflow.captioning.parsing.text.places import place_phrase


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
def test_place_phrase(place, phrase):
    assert place_phrase(place) == phrase
