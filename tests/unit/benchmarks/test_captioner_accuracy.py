import json
import random
from dataclasses import replace

from captioner_accuracy import (
    Accuracy,
    contradicting_scene,
    count_followed,
    json_object,
    majority_baseline,
    parse_answer,
    parse_lettering,
    score,
)

from booruflow.demo.descriptions import scene_answer
from booruflow.demo.scene import CHARACTERS, Piece, choose_scene

SCENES = [choose_scene(random.Random(seed)) for seed in range(250)]
NAMED = [seed % 2 == 0 for seed in range(250)]


def outputs_for(scenes):
    return [json.dumps(scene_answer(scene, named)) for scene, named in zip(scenes, NAMED, strict=True)]


def test_correct_answers_score_100_percent_in_everything():
    scores = score(outputs_for(SCENES), SCENES, NAMED)
    assert {name for name, accuracy in scores.items() if accuracy.correct != accuracy.total} == set()
    assert scores["mouth"].total == sum(len(scene.figures) for scene in SCENES)
    assert scores["mouth"].total == scores["mouth, solo"].total + scores["mouth, pair"].total


def test_a_wrong_attribute_lowers_only_its_own_scores():
    changed = {
        "hair": lambda f: replace(f, hair="green" if f.hair != "green" else "pink"),
        "eyes": lambda f: replace(f, eyes="green" if f.eyes != "green" else "red"),
        "mouth": lambda f: replace(f, mouth="frown" if f.mouth != "frown" else "smile"),
        "glasses": lambda f: replace(f, glasses=not f.glasses),
        "garment": lambda f: replace(f, garment=Piece("pink" if f.garment.colour != "pink" else "red", f.garment.kind)),
    }
    for name, change in changed.items():
        wrong = [replace(scene, figures=tuple(map(change, scene.figures))) for scene in SCENES]
        scores = score(outputs_for(wrong), SCENES, NAMED)
        assert scores[name].correct == 0
        affected = {name, f"{name}, solo", f"{name}, pair", "whole answer"}
        assert {other for other, accuracy in scores.items() if accuracy.correct != accuracy.total} == affected


def test_an_answer_that_is_not_a_json_object_scores_nothing():
    scene = SCENES[0]
    for output in ("", "null", "[]", '{"character": "A chibi', "I cannot help with that."):
        scores = score([output], [scene], [True])
        assert all(accuracy.correct == 0 for accuracy in scores.values())


def test_unusual_answers_are_parsed_without_an_error():
    for answer in ({}, {"character": ["x"]}, {"texts": [1]}, {"texts": {"a": 1}}, {"main_content": None}):
        parse_answer(answer)
    assert parse_lettering('A speech bubble says "GO GO".') == "GO GO"
    assert parse_lettering([{"text": "HI", "location": "bottom"}]) == "HI"
    assert parse_lettering("None") is None
    assert json_object("[1]") is None


def test_names_are_scored_by_whether_the_prompt_had_them():
    scene = replace(SCENES[0], figures=(CHARACTERS["sunny_okabrook"],))
    named, unnamed = (json.dumps(scene_answer(scene, named)) for named in (True, False))
    assert score([named], [scene], [True])["name on the right figure"] == Accuracy(1, 1)
    assert score([unnamed], [scene], [True])["name on the right figure"] == Accuracy(0, 1)
    assert score([named], [scene], [False])["no names where none were given"] == Accuracy(0, 1)


def test_majority_baseline():
    scenes = [replace(SCENES[0], background=background) for background in ("snow", "snow", "grass")]
    assert majority_baseline(scenes)["background"] == Accuracy(2, 3)
    assert Accuracy(2, 3).percent == 66.7


def test_wrong_tags_differ_from_the_image_and_answers_are_attributed():
    solo = [scene for scene in SCENES if len(scene.figures) == 1 and scene.object]
    wrong = [contradicting_scene(scene, random.Random(i)) for i, scene in enumerate(solo)]
    for scene, tagged in zip(solo, wrong, strict=True):
        assert tagged.figures[0].hair != scene.figures[0].hair
        assert tagged.figures[0].garment.colour != scene.figures[0].garment.colour
        assert (tagged.background, tagged.object) != (scene.background, scene.object)
    for source, described in (("image", solo), ("tags", wrong)):
        outputs = [json.dumps(scene_answer(scene, False)) for scene in described]
        counts = count_followed(outputs, solo, wrong)
        assert all(count[source] == len(solo) for count in counts.values())
    assert count_followed(["not JSON"], solo[:1], wrong[:1])["hair"] == {"image": 0, "tags": 0, "neither": 1}
