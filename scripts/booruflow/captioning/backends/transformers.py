"""Backend `transformers`: any checkpoint of the Qwen2-VL family (ToriiGate, Qwen2-VL, Qwen2.5-VL, Qwen3-VL, Qwen3.5).

Image and text are combined here instead of by the checkpoint's own processor class, which needs torchvision, and code
from the model's folder, for videos. Images are always resized with Pillow, so texts do not depend on what else is installed.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from booruflow.captioning.backends.chat_template import IMAGE, answer_start_of, chat_text
from booruflow.captioning.backends.decoding import generate_batch, generate_halving, pad_left
from booruflow.captioning.backends.interface import Answer, Backend, Generation, Prepared, Request
from booruflow.captioning.backends.json_constraint import json_object_grammar, wants_json
from booruflow.captioning.backends.model_identity import model_identity
from booruflow.core.errors import Unreadable, UserError

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = (
    "dtype",
    "attention",
    "quantization",
    "min_pixels",
    "max_pixels",
    "max_new_tokens",
    "repetition_penalty",
    "temperature",
    "top_p",
)
"""The config keys that a text depends on; the GPU and the batch size are not among them."""


class TransformersBackend(Backend):
    """Batches of a Qwen2-VL-type model through `generate`, padded on the left."""

    needs_image = True

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.batch_size = int(captioner["batch_size"])
        self.needs_gpu: bool = captioner["device"] == "cuda"

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`."""
        return {
            "backend": "transformers",
            "request_generation": REQUEST_GENERATION,
            "model": model_identity(self.config["model"], self.config["revision"]),
            "json": wants_json(self.config),
            **{key: self.config[key] for key in IDENTITY_KEYS},
        }

    def load(self) -> None:
        """See `Backend.load`."""
        import torch
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        config = self.config
        source: dict[str, Any] = {"pretrained_model_name_or_path": config["model"], "revision": config["revision"]}
        quantized = _quantized(config["quantization"], config["dtype"])
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(**source)
            images = AutoImageProcessor.from_pretrained(**source, backend="pil")
            model = AutoModelForImageTextToText.from_pretrained(
                **source, dtype=getattr(torch, config["dtype"]), attn_implementation=config["attention"], **quantized
            )
            self.model = model.eval() if quantized else model.eval().to(config["device"])
        except (OSError, ImportError, ValueError, RuntimeError, AssertionError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise UserError(
                f"captioner.model: {config['model']} cannot be loaded ({first_line}): correct the folder or the settings"
            ) from error
        images.size = {
            "shortest_edge": config["min_pixels"] or images.size["shortest_edge"],
            "longest_edge": config["max_pixels"] or images.size["longest_edge"],
        }
        self.images = images
        self.answer_start = answer_start_of(self.tokenizer)
        self.image_token = self.tokenizer.convert_tokens_to_ids(IMAGE)
        self.grammar = None
        if wants_json(config):
            self.grammar = json_object_grammar(self.tokenizer, self.model.config.get_text_config().vocab_size)

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the pixels for the vision tower, and the tokens of the prompt."""
        try:
            pixels = self.images(images=[request.image], return_tensors="pt")
        except ValueError as error:
            raise Unreadable(str(error)) from error
        patches = int(pixels["image_grid_thw"].prod()) // self.images.merge_size**2
        text = chat_text(request.prompt, f"<|vision_start|>{IMAGE * patches}<|vision_end|>", self.answer_start)
        tokens = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        pixels["pixel_values"] = pixels["pixel_values"].to(self.model.dtype)
        return Prepared(request.id, len(tokens), {"tokens": tokens, **pixels})

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        return generate_halving(batches, self.batch_size, self._generate_batch)

    def _generate_batch(self, batch: list[Prepared]) -> list[Generation]:
        import torch

        start = time.monotonic()
        inputs: dict[str, Any] = pad_left([prepared.inputs["tokens"] for prepared in batch], self.tokenizer.pad_token_id)
        inputs["mm_token_type_ids"] = (inputs["input_ids"] == self.image_token).int()
        for name in ("pixel_values", "image_grid_thw"):
            inputs[name] = torch.cat([prepared.inputs[name] for prepared in batch])
        inputs = {name: tensor.to(self.model.device) for name, tensor in inputs.items()}
        texts = generate_batch(self.model, self.tokenizer, inputs, self.config, self.grammar)
        seconds = round((time.monotonic() - start) / len(batch), 4)
        return [
            Generation(prepared.id, text.text, text.finish_reason, prepared.size, text.tokens, seconds)
            for prepared, text in zip(batch, texts, strict=True)
        ]


def _quantized(quantization: str | None, dtype: str) -> dict[str, Any]:
    """The loading options for 8 or 4 bits through bitsandbytes (which needs a GPU)."""
    if quantization is None:
        return {}
    from transformers import BitsAndBytesConfig

    bits: dict[str, dict[str, Any]] = {
        "8bit": {"load_in_8bit": True},
        "4bit": {"load_in_4bit": True, "bnb_4bit_compute_dtype": dtype},
    }
    return {"quantization_config": BitsAndBytesConfig(**bits[quantization]), "device_map": {"": 0}}
