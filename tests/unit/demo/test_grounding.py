import random

from booruflow.demo.grounding import grounding, prompt_with, shuffled
from booruflow.demo.scene import CHARACTERS, Scene

SCENE = Scene((CHARACTERS["sunny_okabrook"],), "grass", None, None, None, "teal_marmot", 1)


def test_the_prompt_equals_toriigates():
    assert prompt_with([], []).user == ("Describe the picture in structured json-like format. Do not use names for characters.")
    assert prompt_with(["1girl", "hat"], ["a_b", "c"]).user == (
        "Describe the picture in structured json-like format."
        " Here are grounding tags for better understanding: <tags>1girl, hat</tags>."
        " Here is a list of characters that are present in the picture: <characters>a_b, c</characters>."
    )


def test_grounding_is_full_thin_or_none():
    general, names = grounding(SCENE, random.Random(1), "full")
    assert general[0] == "1girl"
    assert names == ["sunny_okabrook"]
    assert {"straw_hat", "grass"} <= set(general)
    thin, _ = grounding(SCENE, random.Random(1), "thin")
    assert 0 < len(thin) < len(general)
    assert set(thin) <= set(general)
    assert grounding(SCENE, random.Random(1), "none") == ([], [])


def test_shuffled_keeps_the_count_first():
    tags = ["hat", "2girls", "tree", "1boy", "smile", "red_hair"]
    orders = {tuple(shuffled(tags, random.Random(seed))) for seed in range(9)}
    assert len(orders) > 1
    assert all(order[:2] == ("2girls", "1boy") and sorted(order) == sorted(tags) for order in orders)
