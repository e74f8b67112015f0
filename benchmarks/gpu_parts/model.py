"""The captioner of the parts: files with random weights, the backend with them, and a bare `generate` to compare it with."""

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpu_parts.inputs import answer_tokens, settings
from gpu_parts.measure import Gpu, Row

if TYPE_CHECKING:
    from booruflow.captioning.backends.interface import Prepared
    from booruflow.captioning.backends.transformers import TransformersBackend


def checkpoint(options: argparse.Namespace) -> Iterator[Row]:
    """The captioner's files."""
    from random_checkpoints import FULL, SMALL, save_captioner

    start = time.perf_counter()
    folder = options.scratch / "captioner"
    parameters = save_captioner(folder, FULL if options.shape == "full" else SMALL, options.device)
    size = sum(path.stat().st_size for path in folder.iterdir())
    figures = {"seconds": time.perf_counter() - start, "million parameters": parameters / 1e6, "GB": size / 1e9}
    yield {"case": "made and saved", **figures}


def captioner(options: argparse.Namespace, dtype: str) -> "TransformersBackend":
    """The product's backend, which after loading is warm, and gives answers that have as many tokens as they may."""
    from PIL import Image

    from booruflow.captioning.backends.interface import Request
    from booruflow.captioning.backends.transformers import TransformersBackend
    from booruflow.captioning.prompts.prompt import Prompt

    class EndlessAnswers(TransformersBackend):
        def load(self) -> None:
            super().load()
            config, request = self.config, Request(0, Prompt("", "?"), Image.new("RGB", (640, 640)))
            self.config = {**config, "max_new_tokens": 4}
            list(self.generate(iter([[self.prepare(request)]])))
            self.config = config
            answer_tokens(self, config["max_new_tokens"])

    return EndlessAnswers(settings(options, dtype))


def loaded(options: argparse.Namespace, dtype: str) -> Iterator[Row]:
    """Load a captioner; the generator's value is the backend."""
    gpu, backend = Gpu(options.device), captioner(options, dtype)
    start = gpu.start()
    backend.load()
    yield {"case": "load", "seconds": gpu.now() - start, "GPU memory, GB": gpu.peak()}
    return backend


def bare_generate(backend: "TransformersBackend", requests: list["Prepared"]) -> None:
    """One batch through the model's own `generate`: nothing of booruflow but the inputs."""
    import torch

    from booruflow.captioning.backends.decoding import pad_left

    inputs = pad_left([request.inputs["tokens"] for request in requests], backend.tokenizer.pad_token_id)
    inputs["mm_token_type_ids"] = (inputs["input_ids"] == backend.image_token).int()
    for name in ("pixel_values", "image_grid_thw"):
        inputs[name] = torch.cat([request.inputs[name] for request in requests])
    inputs = {name: tensor.to(backend.model.device) for name, tensor in inputs.items()}
    with torch.inference_mode():
        backend.model.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=backend.config["max_new_tokens"]
        )
