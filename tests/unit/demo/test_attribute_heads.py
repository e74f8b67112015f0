import random

import torch

from booruflow.demo.attribute_heads import ABSENT, ATTRIBUTES, AttributeHeads, attribute_ids, attribute_loss
from booruflow.demo.scene import CHARACTERS, Scene, choose_scene

SCENE = Scene((CHARACTERS["sunny_okabrook"],), "grass", None, "OK", "caption", "teal_marmot", 1)


def test_attribute_ids_are_the_scenes_values():
    by_name = {name: values[i] for (name, values), i in zip(ATTRIBUTES, attribute_ids(SCENE), strict=True) if i != ABSENT}
    assert by_name == {
        "kind 1": "girl", "hair 1": "blonde", "style 1": "ponytail", "eyes 1": "blue", "headwear 1": "straw_hat",
        "garment colour 1": "yellow", "garment 1": "dress", "glasses 1": False, "mouth 1": "smile",
        "figures": 1, "background": "grass", "object": None, "lettering": "OK", "lettering kind": "caption",
    }  # fmt: skip


def test_absent_attributes_do_not_count_in_the_loss():
    scenes = [choose_scene(random.Random(seed), pair=False) for seed in range(4)]
    ids = torch.tensor([attribute_ids(scene) for scene in scenes])
    confident = [torch.full((4, len(values)), -50.0) for _, values in ATTRIBUTES]
    for i, logits in enumerate(confident):
        for row in range(4):
            if ids[row, i] != ABSENT:
                logits[row, ids[row, i]] = 50.0
    assert attribute_loss(confident, ids).item() < 1e-4
    hair = next(i for i, (name, _) in enumerate(ATTRIBUTES) if name == "hair 1")
    confident[hair] = -confident[hair]
    assert attribute_loss(confident, ids).item() > 1


def test_heads_give_logits_per_attribute():
    logits = AttributeHeads(8)(torch.randn(3, 5, 8))
    assert [tuple(values.shape) for values in logits] == [(3, len(values)) for _, values in ATTRIBUTES]
