import csv
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from booruflow.demo.scene import (
    ARTISTS,
    BACKGROUNDS,
    CHARACTERS,
    OBJECTS,
    Figure,
    Piece,
    Scene,
    choose_scene,
)
from booruflow.demo.descriptions import BACKGROUND_PROSE, OBJECT_PROSE, scene_answer, scene_tags, title

VOCABULARY = Path(__file__).parents[4] / "shared/data/danbooru_tags.csv"
FIGURE = Figure("girl", "red", "hair_bun", "blue", "bow", Piece("white", "shirt"), None, "pink", Piece("blue", "skirt"))
SCENE = Scene((FIGURE,), "night_sky", "heart", "HI", "bubble", "teal_marmot", 1)


def test_tags_are_true_of_the_scene():
    assert scene_tags(SCENE) == {
        "general": [
            "1girl", "solo", "red_hair", "hair_bun", "blue_eyes", "white_shirt", "blue_skirt", "hair_bow", "pink_bow",
            "smile",
            "night", "night_sky", "starry_sky", "crescent_moon", "outdoors", "heart", "speech_bubble", "english_text",
            "chibi", "full_body", "standing",
        ],
        "character": [],
        "artist": ["teal_marmot"],
        "copyright": ["original"],
        "meta": ["lowres"],
    }  # fmt: skip


def test_pairs_share_their_tags():
    boy = CHARACTERS["rufus_emberlyn"]
    tags = scene_tags(replace(SCENE, figures=(boy, replace(FIGURE, hair="red"))))
    assert tags["general"][:2] == ["1girl", "1boy"]
    assert "solo" not in tags["general"]
    assert tags["general"].count("red_hair") == 1
    assert tags["character"] == ["rufus_emberlyn"]
    assert scene_tags(replace(SCENE, figures=(boy, boy)))["general"][0] == "2boys"


@pytest.mark.skipif(not VOCABULARY.exists(), reason="the real tag list is not here")
def test_tags_are_real_and_names_are_not():
    with VOCABULARY.open(newline="", encoding="utf-8") as file:
        category = {row[0]: row[1] for row in csv.reader(file)}
    numbers = {"general": "0", "copyright": "3", "meta": "5"}
    for seed in range(1500):
        tags = scene_tags(choose_scene(random.Random(seed)))
        wrong = [tag for name, number in numbers.items() for tag in tags[name] if category.get(tag) != number]
        assert wrong == []
    assert not category.keys() & {*ARTISTS, *CHARACTERS}


def test_the_answer_tells_the_scene():
    assert scene_answer(SCENE) == {
        "character": (
            "A chibi girl has red hair in a bun and blue eyes. She is wearing a white shirt with a blue skirt, "
            "and a pink bow in her hair. She smiles softly."
        ),
        "background": "A deep night sky filled with stars and a crescent moon.",
        "main_content": "There is a pink heart floating on the right.",
        "texts": 'A speech bubble says "HI".',
        "atmosphere": "The mood is cheerful, quiet and dreamy.",
    }


def test_names_are_told_only_where_they_may_be():
    scene = replace(SCENE, figures=(CHARACTERS["sunny_okabrook"], FIGURE))
    assert scene_answer(scene)["character_1"].startswith("Sunny Okabrook on the left wears a yellow dress.")
    assert "Sunny" not in json.dumps(scene_answer(scene, named=False))
    assert title("sunny_okabrook") == "Sunny Okabrook"


def test_answers_are_json_in_ascii_and_never_empty():
    for seed in range(200):
        text = json.dumps(scene_answer(choose_scene(random.Random(seed))))
        assert text.isascii()
        assert all(json.loads(text).values())
        assert "  " not in text


def test_every_kind_has_its_words():
    assert set(BACKGROUND_PROSE) == set(BACKGROUNDS)
    assert set(OBJECT_PROSE) == set(OBJECTS) - {None}
    captions = scene_answer(replace(SCENE, lettering_kind="caption"))["texts"]
    assert captions == [{"text": "HI", "location": "bottom"}]
    assert scene_answer(replace(SCENE, lettering=None, lettering_kind=None))["texts"] == "None"
