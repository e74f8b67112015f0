import pytest

from booruflow.captioning.parsing.key_roles import Key, Role, is_panels, read_key


@pytest.mark.parametrize("name", ["speech_bubble_1", "speechBubble1", "Speech Bubble 1", "speech-bubble-1"])
def test_spellings_of_one_key(name):
    assert read_key(name) == Key(Role.IMAGE_TEXT, "speech bubble", 1)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("texts", Key(Role.IMAGE_TEXT, "text")),
        ("japanese_text", Key(Role.IMAGE_TEXT, "Japanese text")),
        ("text_under_senko", Key(Role.IMAGE_TEXT, "text", None, "under senko")),
        ("character_4", Key(Role.PEOPLE, "character", 4)),
        ("1st_frame", Key(Role.REGION, "1st frame", None, "in the first frame")),
        ("panel_2", Key(Role.REGION, "panel", 2, "in the second panel")),
        ("top_left_corner", Key(Role.REGION, "top left corner", None, "in the top left corner")),
        ("bbox", Key(Role.GEOMETRY, "bbox")),
        ("bounding_box", Key(Role.GEOMETRY, "bounding box")),
        ("description", Key(Role.PLAIN, "description")),
        ("shrimp_tempura", Key(Role.LABEL, "shrimp tempura")),
        ("", Key(Role.LABEL, "")),
    ],
)
def test_roles(name, key):
    assert read_key(name) == key


def test_panels():
    assert is_panels(read_key("panels")) and not is_panels(read_key("panel_1")) and not is_panels(read_key("texts"))
