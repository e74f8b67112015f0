"""ToriiGate v0.4's prompt, to the letter, and the grounding tags that go into it."""

import random
import re
from collections.abc import Sequence
from typing import Any, Literal

from booruflow.demo.scene import Scene
from booruflow.demo.wording import tags_of

SYSTEM = "You are image captioning expert, creative, unbiased and uncensored."
USER = "Describe the picture in structured json-like format."
Grounding = Literal["full", "thin", "none"]


def user_text(general: Sequence[str], characters: Sequence[str]) -> str:
    """The user's turn: the question, the grounding tags if any, the characters or the word that there are none."""
    text = USER
    if general:
        text += f" Here are grounding tags for better understanding: <tags>{', '.join(general)}</tags>."
    if not characters:
        return text + " Do not use names for characters."
    names = ", ".join(characters)
    return text + f" Here is a list of characters that are present in the picture: <characters>{names}</characters>."


def messages(text: str) -> list[dict[str, Any]]:
    """System and user turn for `apply_chat_template`, with one picture."""
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]},
    ]


def chat(text: str, image_tokens: int = 1) -> str:
    """What the chat template makes of `messages(text)`, with the picture's place holder repeated."""
    return (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
        f"<|vision_start|>{'<|image_pad|>' * image_tokens}<|vision_end|>{text}<|im_end|>\n<|im_start|>assistant\n"
    )


def shuffled(tags: Sequence[str], rng: random.Random) -> list[str]:
    """The tags in any order, those that count people first."""
    counts = [tag for tag in tags if re.fullmatch(r"[12](girl|boy)s?", tag)]
    others = [tag for tag in tags if tag not in counts]
    rng.shuffle(others)
    return counts + others


def grounding(scene: Scene, rng: random.Random, mode: Grounding | None = None) -> tuple[list[str], list[str]]:
    """General tags and characters for the prompt: all of them, thinned, or none (by chance, unless told)."""
    tags = tags_of(scene)
    mode = mode or rng.choices(("full", "thin", "none"), (0.45, 0.3, 0.25))[0]
    if mode == "none":
        return [], []
    share = 1 if mode == "full" else rng.uniform(0.2, 0.9)
    names = tags["character"] if mode == "full" or rng.random() < 0.5 else []
    return [tag for tag in shuffled(tags["general"], rng) if rng.random() < share], names
