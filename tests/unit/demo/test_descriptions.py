import csv
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from booruflow.demo.descriptions import BACKGROUND_PROSE, OBJECT_PROSE, display_name, scene_answer, scene_tags
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

VOCABULARY = Path(__file__).parents[4] / "shared/data/danbooru_tags.csv"
FIGURE = Figure("girl", "red", "hair_bun", "blue", "bow", Piece("white", "shirt"), None, "pink", Piece("blue", "skirt"))
SCENE = Scene((FIGURE,), "night_sky", "heart", "HI", "bubble", "teal_marmot", 1)


def test_tags_describe_the_scene():
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


def test_two_figures_share_one_tag_list():
    boy = CHARACTERS["rufus_emberlyn"]
    tags = scene_tags(replace(SCENE, figures=(boy, replace(FIGURE, hair="red"))))
    assert tags["general"][:2] == ["1girl", "1boy"]
    assert "solo" not in tags["general"]
    assert tags["general"].count("red_hair") == 1
    assert tags["character"] == ["rufus_emberlyn"]
    assert scene_tags(replace(SCENE, figures=(boy, boy)))["general"][0] == "2boys"


@pytest.mark.skipif(not VOCABULARY.exists(), reason="needs the real tag list")
def test_tags_are_in_danboorus_vocabulary_and_names_are_not():
    with VOCABULARY.open(newline="", encoding="utf-8") as file:
        category = {row[0]: row[1] for row in csv.reader(file)}
    numbers = {"general": "0", "copyright": "3", "meta": "5"}
    for seed in range(1500):
        tags = scene_tags(choose_scene(random.Random(seed)))
        wrong = [tag for name, number in numbers.items() for tag in tags[name] if category.get(tag) != number]
        assert wrong == []
    assert not category.keys() & {*ARTISTS, *CHARACTERS}


def test_the_answer_describes_the_scene():
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


def test_names_appear_only_if_allowed():
    scene = replace(SCENE, figures=(CHARACTERS["sunny_okabrook"], FIGURE))
    assert scene_answer(scene)["character_1"].startswith("Sunny Okabrook on the left wears a yellow dress.")
    assert "Sunny" not in json.dumps(scene_answer(scene, named=False))
    assert display_name("sunny_okabrook") == "Sunny Okabrook"


def test_answers_are_ascii_json_without_empty_values():
    for seed in range(200):
        text = json.dumps(scene_answer(choose_scene(random.Random(seed))))
        assert text.isascii()
        assert all(json.loads(text).values())
        assert "  " not in text


def test_every_background_and_object_has_a_phrase():
    assert set(BACKGROUND_PROSE) == set(BACKGROUNDS)
    assert set(OBJECT_PROSE) == set(OBJECTS) - {None}
    captions = scene_answer(replace(SCENE, lettering_kind="caption"))["texts"]
    assert captions == [{"text": "HI", "location": "bottom"}]
    assert scene_answer(replace(SCENE, lettering=None, lettering_kind=None))["texts"] == "None"
