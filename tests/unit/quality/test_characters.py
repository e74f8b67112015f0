from functools import partial

import polars as pl
import pytest
from caption_frames import flags_of

from booruflow.quality.characters import known_names, missing_characters, unknown_characters

POSTS = pl.DataFrame(
    {
        "character": [
            "hatsune_miku kagamine_rin",
            "hatsune_miku_(append)",
            "saber_(fate) remilia_scarlet",
            "azur_lane",
            "flandre_scarlet",
            "",
        ],
        "copyright": ["vocaloid", "vocaloid", "fate_(series)", "azur_lane", "touhou", ""],
    }
)
NAMES = known_names([POSTS.head(2), POSTS.slice(2)])


def test_names_of_several_words_are_known_in_both_orders():
    assert NAMES["hatsune miku"] == NAMES["miku hatsune"] == "hatsune_miku hatsune_miku_(append)"
    assert "saber" not in NAMES and "azur lane" not in NAMES


@pytest.mark.parametrize("caption", ["Hatsune Miku sings.", "The singer Miku Hatsune's hair.", "A girl, hatsune_miku, sings."])
def test_a_named_character_who_is_not_tagged(caption):
    unknown = partial(unknown_characters, names=NAMES)
    assert flags_of(unknown, caption, character="kagamine_rin").keys() == {"character_unknown"}
    assert flags_of(unknown, caption, character="").keys() == {"character_unknown"}
    assert flags_of(unknown, caption, character="kagamine_rin hatsune_miku_(append)") == {}


@pytest.mark.parametrize(
    "caption",
    [
        "A girl in cosplay of Hatsune Miku.",
        "She resembles Hatsune Miku.",
        'The text reads "Hatsune Miku".',
        "A Hatsune Miku plush lies on the bed.",
        "A scarlet dress and a miku hatsune.",
        "The Saber Alter of the game.",
    ],
)
def test_who_is_only_spoken_of_is_no_contradiction(caption):
    assert flags_of(partial(unknown_characters, names=NAMES), caption, character="kagamine_rin") == {}


def test_the_tag_of_a_form_with_a_longer_name_is_the_character():
    names = NAMES | {"sakura miku": "sakura_miku"}
    assert flags_of(partial(unknown_characters, names=names), "Sakura Miku sings.", character="sakura_miku_(2021)") == {}


def test_a_tagged_character_without_a_word_of_the_name():
    missing = partial(missing_characters, most=2)
    assert flags_of(missing, "A girl sings.", character="hatsune_miku") == {"character_missing": "hatsune_miku"}
    assert flags_of(missing, "MIKU sings.", character="hatsune_miku_(append)") == {}
    assert flags_of(missing, "Miku sings.", character="hatsune_miku kagamine_rin") == {"character_missing": "kagamine_rin"}
    assert flags_of(missing, "A girl sings.", character="a b c") == {}
    assert flags_of(missing, "A girl sings.", character="") == {}
    assert flags_of(missing, "A girl sings.", character="hatsune_miku", origin="base") == {}
    assert flags_of(partial(missing_characters, most=0), "A girl sings.", character="hatsune_miku") == {}
