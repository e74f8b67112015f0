"""Asking a captioner about pictures, through the backend that captions posts."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from booruflow.captioning.backends.interface import Generation, Request
from booruflow.captioning.backends.transformers import TransformersBackend
from booruflow.captioning.prompts import Prompt

BATCH = 16
SETTINGS = {
    "revision": None,
    "style": "json",
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "quantization": None,
    "min_pixels": None,
    "max_pixels": None,
    "batch_size": BATCH,
    "repetition_penalty": 1,
    "temperature": 0,
    "top_p": 1,
    "constrained": False,
}
"""The config section `captioner`, with the model's own pixel limits; greedy and unconstrained."""


def ask(captioner: Path, images: Sequence[Image.Image], prompts: Sequence[Prompt], most_tokens: int = 220) -> list[Generation]:
    """One result per picture and prompt, in their order, with the picture's number as id; cut at `most_tokens`."""
    backend = TransformersBackend({**SETTINGS, "model": str(captioner), "max_new_tokens": most_tokens})
    backend.load()
    pairs = zip(images, prompts, strict=True)
    prepared = [backend.prepare(Request(i, prompt, image)) for i, (image, prompt) in enumerate(pairs)]
    prepared.sort(key=lambda request: request.size)
    batches = (prepared[at : at + BATCH] for at in range(0, len(prepared), BATCH))
    results = [result for part in backend.generate(batches) for result in part if isinstance(result, Generation)]
    return sorted(results, key=lambda result: result.id)
