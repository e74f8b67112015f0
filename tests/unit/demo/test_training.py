import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from booruflow.demo.attribute_heads import AttributeHeads, attribute_ids, attribute_loss
from booruflow.demo.drawing.image import draw
from booruflow.demo.scene import SIZES, choose_scene
from booruflow.demo.tiny_qwen2vl import CELL, example_texts, make_model, make_processor, make_tokenizer, resized
from booruflow.demo.training import (
    ATTRIBUTE_LOSS_WEIGHT,
    Captioner,
    caption_loss,
    collate,
    encode,
    optimise,
    token_weights,
    tower_loss,
)


@pytest.fixture
def captioner():
    torch.set_num_threads(1)
    torch.manual_seed(2)
    tokenizer = make_tokenizer(example_texts(100))
    model = make_model(tokenizer, hidden=32, layers=1, tower_width=32, tower_layers=1)
    return Captioner(model, make_processor(tokenizer), AttributeHeads(32))


@pytest.fixture
def batch(captioner):
    rng = random.Random(3)
    scenes = [choose_scene(rng, SIZES[0]) for _ in range(4)]
    pixels = np.stack([resized(draw(scene, rng)) for scene in scenes])
    image_tokens = pixels.shape[1] * pixels.shape[2] // CELL**2
    return pixels, scenes, [encode(captioner.tokenizer, scene, image_tokens, rng) for scene in scenes]


def test_collate_labels_only_the_answers():
    ids, mask, labels = collate([([1, 2], [3]), ([4], [5, 6, 7])], pad=0)
    assert ids.tolist() == [[1, 2, 3, 0], [4, 5, 6, 7]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert labels.tolist() == [[-100, -100, 3, -100], [-100, 5, 6, 7]]


def test_the_caption_loss_equals_that_of_the_whole_model(captioner, batch):
    pixels, scenes, pairs = batch
    weight = torch.ones(len(captioner.tokenizer))
    ids, mask, labels = collate(pairs, captioner.tokenizer.pad_token_id)
    values, grid = captioner.patches(pixels)
    with torch.no_grad():
        loss = caption_loss(captioner, pixels, scenes, pairs, weight).item()
        logits = captioner.model(
            input_ids=ids,
            attention_mask=mask,
            pixel_values=values,
            image_grid_thw=grid,
            mm_token_type_ids=(ids == captioner.model.config.image_token_id).int(),
        ).logits
        tokens = captioner.tower(values, grid_thw=grid).pooler_output.reshape(4, -1, 32)
        heads = attribute_loss(captioner.heads(tokens), torch.tensor([attribute_ids(scene) for scene in scenes]))
    answers = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    assert loss == pytest.approx((answers + ATTRIBUTE_LOSS_WEIGHT * heads).item(), rel=1e-4)


def test_both_stages_learn(captioner, batch):
    pixels, scenes, pairs = batch
    weight = token_weights(captioner.tokenizer)
    parameters = [*captioner.model.parameters(), *captioner.heads.parameters()]

    def losses(loss, values):
        for _ in range(12):
            values.append(loss())
            yield values[-1]

    for loss in (
        lambda: tower_loss(captioner, pixels, scenes),
        lambda: caption_loss(captioner, pixels, scenes, pairs, weight),
    ):
        values: list[torch.Tensor] = []
        optimise([(parameters, 1e-2)], losses(loss, values), 600, "test")
        assert len(values) == 12
        assert values[-1].item() < values[0].item() - 0.01


def test_training_stops_when_the_time_is_up():
    parameter = nn.Parameter(torch.ones(1))
    count = 0

    def endless():
        nonlocal count
        while True:
            count += 1
            yield (parameter**2).sum()

    optimise([([parameter], 1e-3)], endless(), 0.05, "test")
    assert count > 1


def test_content_words_get_more_weight(captioner):
    weight = token_weights(captioner.tokenizer)
    by_word = {captioner.tokenizer.decode([i]): float(weight[i]) for i in range(len(weight))}
    assert by_word[" purple"] == 2.5
    assert by_word[" smiles"] == 4.0
    assert by_word[" the"] == 1.0
