import json
import random
from dataclasses import replace

from booruflow.demo.evaluation import (
    Accuracy,
    majority_baseline,
    parsed,
    read_answer,
    read_lettering,
    score,
    count_followed,
    contradicting_scene,
)
from booruflow.demo.scene import CHARACTERS, Piece, choose_scene
from booruflow.demo.descriptions import scene_answer

SCENES = [choose_scene(random.Random(seed)) for seed in range(250)]
NAMED = [seed % 2 == 0 for seed in range(250)]


def outputs_for(scenes):
    return [json.dumps(scene_answer(scene, named)) for scene, named in zip(scenes, NAMED, strict=True)]


def test_true_answers_score_full_marks_in_everything():
    shares = score(outputs_for(SCENES), SCENES, NAMED)
    assert {name for name, share in shares.items() if share.right != share.of} == set()
    assert shares["mouth"].of == sum(len(scene.figures) for scene in SCENES)
    assert shares["mouth"].of == shares["mouth, solo"].of + shares["mouth, pair"].of


def test_one_wrong_thing_is_told_and_nothing_else():
    changed = {
        "hair": lambda f: replace(f, hair="green" if f.hair != "green" else "pink"),
        "eyes": lambda f: replace(f, eyes="green" if f.eyes != "green" else "red"),
        "mouth": lambda f: replace(f, mouth="frown" if f.mouth != "frown" else "smile"),
        "glasses": lambda f: replace(f, glasses=not f.glasses),
        "garment": lambda f: replace(f, garment=Piece("pink" if f.garment.colour != "pink" else "red", f.garment.kind)),
    }
    for name, change in changed.items():
        wrong = [replace(scene, figures=tuple(map(change, scene.figures))) for scene in SCENES]
        shares = score(outputs_for(wrong), SCENES, NAMED)
        assert shares[name].right == 0
        touched = {name, f"{name}, solo", f"{name}, pair", "whole answer"}
        assert {other for other, share in shares.items() if share.right != share.of} == touched


def test_what_is_no_object_tells_nothing():
    scene = SCENES[0]
    for output in ("", "null", "[]", '{"character": "A chibi', "I cannot help with that."):
        shares = score([output], [scene], [True])
        assert all(share.right == 0 for share in shares.values())


def test_odd_answers_are_read_without_an_error():
    for answer in ({}, {"character": ["x"]}, {"texts": [1]}, {"texts": {"a": 1}}, {"main_content": None}):
        read_answer(answer)
    assert read_lettering('A speech bubble says "GO GO".') == "GO GO"
    assert read_lettering([{"text": "HI", "location": "bottom"}]) == "HI"
    assert read_lettering("None") is None
    assert parsed("[1]") is None


def test_names_count_only_where_they_were_given():
    scene = replace(SCENES[0], figures=(CHARACTERS["sunny_okabrook"],))
    named, unnamed = (json.dumps(scene_answer(scene, named)) for named in (True, False))
    assert score([named], [scene], [True])["name on the right figure"] == Accuracy(1, 1)
    assert score([unnamed], [scene], [True])["name on the right figure"] == Accuracy(0, 1)
    assert score([named], [scene], [False])["no names where none were given"] == Accuracy(0, 1)


def test_commonest_value():
    scenes = [replace(SCENES[0], background=background) for background in ("snow", "snow", "grass")]
    assert majority_baseline(scenes)["background"] == Accuracy(2, 3)
    assert Accuracy(2, 3).percent == 66.7


def test_wrong_tags_are_wrong_and_following_is_counted():
    solo = [scene for scene in SCENES if len(scene.figures) == 1 and scene.object]
    wrong = [contradicting_scene(scene, random.Random(i)) for i, scene in enumerate(solo)]
    for scene, told in zip(solo, wrong, strict=True):
        assert told.figures[0].hair != scene.figures[0].hair
        assert told.figures[0].garment.colour != scene.figures[0].garment.colour
        assert (told.background, told.object) != (scene.background, scene.object)
    for whom, answers in (("image", solo), ("tags", wrong)):
        outputs = [json.dumps(scene_answer(scene, False)) for scene in answers]
        counts = count_followed(outputs, solo, wrong)
        assert all(count[whom] == len(solo) for count in counts.values())
    assert count_followed(["not JSON"], solo[:1], wrong[:1])["hair"] == {"image": 0, "tags": 0, "neither": 1}
