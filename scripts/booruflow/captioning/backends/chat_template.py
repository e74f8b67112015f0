"""The chat template of the Qwen2-VL family (ChatML), with which its models were trained."""

import re
from typing import TYPE_CHECKING

from booruflow.captioning.prompts.prompt import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IMAGE = "<|image_pad|>"
ASSISTANT = "<|im_start|>assistant\n"
_CONTROL_TOKEN = re.compile(r"<\|(\w+)\|>")


def chat_text(prompt: Prompt, image: str, answer_start: str = "") -> str:
    """The whole conversation up to the start of the model's answer.

    `image` is the text that stands for the image; `answer_start` is that of the model's template.
    """
    system, user = without_control_tokens(prompt)
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{image}{user}<|im_end|>\n{ASSISTANT}{answer_start}"


def answer_start_of(tokenizer: "PreTrainedTokenizerBase") -> str:
    """What a model's own template puts in front of its answer when it is not to think.

    Nothing for the Qwen2-VL family; an empty pair of think tags for models that were trained to think or not, such as the Qwen3.5
    family: without it they think before they answer.
    """
    if not getattr(tokenizer, "chat_template", None):
        return ""
    messages = [{"role": "user", "content": "?"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    return str(text).rpartition(ASSISTANT)[2] if ASSISTANT in text else ""


def without_control_tokens(prompt: Prompt) -> Prompt:
    """The prompt with control tokens defused: a tag such as `<|image_pad|>` must not count as a second image."""
    return Prompt(*(_CONTROL_TOKEN.sub(r"<\1>", part) for part in prompt))
