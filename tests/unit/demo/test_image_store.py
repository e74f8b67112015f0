import random

import numpy as np
import pytest
import torch

from booruflow.demo.drawing.image import draw
from booruflow.demo.image_store import CHUNK_SIZE, ImageStore
from booruflow.demo.scene import SIZES, choose_scene
from booruflow.demo.tiny_qwen2vl import CELL, MAX_PIXELS, MIN_PIXELS, make_processor, make_tokenizer, patches, resized


@pytest.mark.parametrize("size", SIZES)
def test_patches_equal_those_of_the_image_processor(size):
    rng = random.Random(1)
    image = draw(choose_scene(rng, size), rng)
    processor = make_processor(make_tokenizer(["a"], 300))
    expected = processor.image_processor(images=[image], return_tensors="pt")
    pixels = resized(image)
    values, grid = patches(pixels[np.newaxis], processor.image_processor.image_mean, processor.image_processor.image_std)
    assert grid.tolist() == expected["image_grid_thw"].tolist()
    assert torch.allclose(values, expected["pixel_values"], atol=1e-5)
    assert MIN_PIXELS <= pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS
    assert pixels.shape[0] % CELL == pixels.shape[1] % CELL == 0


def test_a_sample_has_one_image_size_and_the_matching_scenes():
    with ImageStore(3, initial=1, capacity=1) as store:
        pixels, scenes = store.sample(5, random.Random(1))
        assert pixels.shape[0] == len(scenes) == 5
        assert len({scene.size for scene in scenes}) == 1
        assert len(store.chunks[0][1]) == CHUNK_SIZE
        again, _ = store.sample(5, random.Random(1))
        assert store.process.is_alive()
    store.process.join(10)
    assert not store.process.is_alive()
    assert again.dtype == np.uint8
