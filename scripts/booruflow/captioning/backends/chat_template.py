"""The chat template of the Qwen2-VL family (ChatML), with which its models were trained."""

import re

from booruflow.captioning.prompts.prompt import Prompt

IMAGE = "<|image_pad|>"
_CONTROL_TOKEN = re.compile(r"<\|(\w+)\|>")


def chat_text(prompt: Prompt, image: str) -> str:
    """The whole conversation up to the start of the model's answer; `image` is the text that stands for the image."""
    system, user = without_control_tokens(prompt)
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{image}{user}<|im_end|>\n<|im_start|>assistant\n"


def without_control_tokens(prompt: Prompt) -> Prompt:
    """The prompt with control tokens defused: a tag such as `<|image_pad|>` must not count as a second image."""
    return Prompt(*(_CONTROL_TOKEN.sub(r"<\1>", part) for part in prompt))
