"""Asking a captioner about pictures, in left-padded batches, greedily."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedModel, ProcessorMixin

from booruflow.demo.prompts import messages


def load(folder: Path) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Model (single precision) and processor of a checkpoint folder, the way any Qwen2-VL is loaded."""
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval(), processor


def ask(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    images: Sequence[Image.Image],
    prompts: Sequence[str],
    most_tokens: int = 220,
    batch: int = 16,
) -> list[str]:
    """One answer per picture and user text; an answer longer than `most_tokens` is cut there."""
    answers: list[str] = []
    for start in range(0, len(images), batch):
        turns = [messages(prompt) for prompt in prompts[start : start + batch]]
        texts = [processor.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]
        inputs = processor(
            text=texts,
            images=list(images[start : start + batch]),
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
        with torch.inference_mode():
            tokens = model.generate(**inputs, max_new_tokens=most_tokens, do_sample=False)
        answers += processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return answers
