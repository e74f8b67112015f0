"""Caption images with a checkpoint, through the same backend that captions posts."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from booruflow.captioning.backends.interface import Generation, Request
from booruflow.captioning.backends.transformers import TransformersBackend
from booruflow.captioning.prompts.prompt import Prompt

BATCH_SIZE = 16
SETTINGS = {
    "revision": None,
    "style": "json",
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "quantization": None,
    "min_pixels": None,
    "max_pixels": None,
    "batch_size": BATCH_SIZE,
    "repetition_penalty": 1,
    "temperature": 0,
    "top_p": 1,
    "constrained": False,
}
"""The config section `captioner`: greedy, unconstrained, with the checkpoint's own pixel limits."""


def generate_answers(
    captioner: Path, images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int = 220
) -> list[Generation]:
    """One result per pair of image and prompt, in input order; `Generation.id` is the index of the pair."""
    backend = TransformersBackend({**SETTINGS, "model": str(captioner), "max_new_tokens": max_new_tokens})
    backend.load()
    pairs = zip(images, prompts, strict=True)
    prepared = [backend.prepare(Request(i, prompt, image)) for i, (image, prompt) in enumerate(pairs)]
    prepared.sort(key=lambda request: request.size)
    batches = (prepared[start : start + BATCH_SIZE] for start in range(0, len(prepared), BATCH_SIZE))
    results = [result for batch in backend.generate(batches) for result in batch if isinstance(result, Generation)]
    return sorted(results, key=lambda result: result.id)
