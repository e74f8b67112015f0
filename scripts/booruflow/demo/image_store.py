"""An endless supply of drawn training images: one process draws, a store of bounded size keeps the latest."""

import multiprocessing
import random
from multiprocessing.queues import Queue

import numpy as np

from booruflow.demo.drawing.image import draw
from booruflow.demo.scene import SIZE_WEIGHTS, SIZES, Scene, choose_scene
from booruflow.demo.tiny_qwen2vl import Pixels, resized

CHUNK_SIZE = 200
"""Images per message from the drawing process; all images of a chunk have one size."""


def draw_chunks(seed: int, queue: "Queue[tuple[Pixels, list[Scene]]]") -> None:
    """Draw chunks forever; a full queue blocks."""
    rng = random.Random(seed)
    while True:
        size = rng.choices(SIZES, SIZE_WEIGHTS)[0]
        scenes = [choose_scene(rng, size) for _ in range(CHUNK_SIZE)]
        queue.put((np.stack([resized(draw(scene, rng)) for scene in scenes]), scenes))


class ImageStore:
    """Up to `capacity` chunks from a drawing process, each later one in place of the oldest; leaving the context ends drawing."""

    def __init__(self, seed: int, initial: int = 10, capacity: int = 70) -> None:
        context = multiprocessing.get_context("spawn")
        self.queue: Queue[tuple[Pixels, list[Scene]]] = context.Queue(4)
        self.process = context.Process(target=draw_chunks, args=(seed, self.queue), daemon=True)
        self.process.start()
        self.capacity, self.chunks = capacity, [self.queue.get() for _ in range(initial)]
        self.oldest = 0

    def __enter__(self) -> "ImageStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()

    def sample(self, count: int, rng: random.Random) -> tuple[Pixels, list[Scene]]:
        """`count` images of one size, (count, height, width, 3), with their scenes."""
        full = len(self.chunks) == self.capacity
        # a full store is renewed rarely: the drawing process then mostly waits and leaves its core to others
        if not self.queue.empty() and (not full or rng.random() < 0.05):
            if full:
                self.chunks[self.oldest] = self.queue.get()
                self.oldest = (self.oldest + 1) % self.capacity
            else:
                self.chunks.append(self.queue.get())
        shape = rng.choice(self.chunks)[0].shape
        candidates = [chunk for chunk in self.chunks if chunk[0].shape == shape]
        picks = [(rng.choice(candidates), rng.randrange(CHUNK_SIZE)) for _ in range(count)]
        return np.stack([pixels[i] for (pixels, _), i in picks]), [scenes[i] for (_, scenes), i in picks]
