"""The chat layout of the Qwen2-VL family, which its models were trained with."""

import re

from booruflow.captioning.prompts import Prompt

IMAGE = "<|image_pad|>"
_CONTROL = re.compile(r"<\|(\w+)\|>")


def chat(prompt: Prompt, image: str) -> str:
    """The whole text up to where the model's answer begins; `image` stands where the image is."""
    system, user = plain(prompt)
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{image}{user}<|im_end|>\n<|im_start|>assistant\n"


def plain(prompt: Prompt) -> Prompt:
    """The prompt without control tokens: a tag such as `<|image_pad|>` must not stand for a second picture."""
    return Prompt(*(_CONTROL.sub(r"<\1>", part) for part in prompt))
