"""Drawn images for training: a process that draws, a store that is renewed in a ring, and their patches."""

import multiprocessing
import random
from collections.abc import Sequence
from multiprocessing.queues import Queue

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from booruflow.demo.drawing import draw
from booruflow.demo.scene import SIZE_WEIGHTS, SIZES, Scene, choose_scene
from booruflow.demo.tiny_qwen2vl import CELL, MAX_PIXELS, MERGE, MIN_PIXELS, PATCH

Pixels = NDArray[np.uint8]
CHUNK = 200
"""Images per message from the drawing process; all of one size."""


def scaled(image: Image.Image) -> Pixels:
    """The image as the image processor scales it: (height, width, 3), whole cells."""
    height, width = smart_resize(image.height, image.width, CELL, MIN_PIXELS, MAX_PIXELS)
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def patches(pixels: Pixels, mean: Sequence[float], std: Sequence[float]) -> tuple[Tensor, Tensor]:
    """uint8 (images, height, width, 3) -> `pixel_values`, `image_grid_thw`, as the image processor makes them."""
    count, height, width, _ = pixels.shape
    rows, columns = height // PATCH, width // PATCH
    x = (torch.from_numpy(pixels).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    x = x.permute(0, 3, 1, 2).reshape(count, 3, rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH)
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, 2, -1, -1)
    return x.reshape(count * rows * columns, -1), torch.tensor([[1, rows, columns]] * count)


def draw_chunks(seed: int, queue: "Queue[tuple[Pixels, list[Scene]]]") -> None:
    """Draw for ever; the queue's bound makes it wait."""
    rng = random.Random(seed)
    while True:
        size = rng.choices(SIZES, SIZE_WEIGHTS)[0]
        chosen = [choose_scene(rng, size) for _ in range(CHUNK)]
        queue.put((np.stack([scaled(draw(scene, rng)) for scene in chosen]), chosen))


class ImageStore:
    """Chunks of images from a drawing process: the store grows while training runs, then is renewed in a ring.

    Use it as a context manager: leaving it ends the drawing process.
    """

    def __init__(self, seed: int, first: int = 10, most: int = 70) -> None:
        context = multiprocessing.get_context("spawn")
        self.queue: Queue[tuple[Pixels, list[Scene]]] = context.Queue(4)
        self.process = context.Process(target=draw_chunks, args=(seed, self.queue), daemon=True)
        self.process.start()
        self.most, self.chunks = most, [self.queue.get() for _ in range(first)]
        self.oldest = 0

    def __enter__(self) -> "ImageStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()

    def sample(self, count: int, rng: random.Random) -> tuple[Pixels, list[Scene]]:
        """`count` images of one size, with their scenes."""
        full = len(self.chunks) == self.most
        # once full, renew seldom: the drawing process then waits and leaves its core to others
        if not self.queue.empty() and (not full or rng.random() < 0.05):
            if full:
                self.chunks[self.oldest] = self.queue.get()
                self.oldest = (self.oldest + 1) % self.most
            else:
                self.chunks.append(self.queue.get())
        size = rng.choice(self.chunks)[0].shape
        alike = [chunk for chunk in self.chunks if chunk[0].shape == size]
        picks = [(rng.choice(alike), rng.randrange(CHUNK)) for _ in range(count)]
        return np.stack([pixels[i] for (pixels, _), i in picks]), [chosen[i] for (_, chosen), i in picks]
