"""Grounding tags for a scene's prompt: all, a random part or none of its tags, shuffled."""

import random
import re
from collections.abc import Sequence
from typing import Literal

from booruflow.captioning.prompts.prompt import Prompt, prompt_of
from booruflow.demo.descriptions import scene_tags
from booruflow.demo.scene import Scene

Mode = Literal["full", "thin", "none"]
"""All tags, a random 20 to 90% of them, or none."""


def prompt_with(general: Sequence[str], characters: Sequence[str]) -> Prompt:
    """ToriiGate's `json` prompt with these tags."""
    return prompt_of("json", ", ".join(general), ", ".join(characters))


def shuffled(tags: Sequence[str], rng: random.Random) -> list[str]:
    """The tags in random order, after those that count people."""
    counts = [tag for tag in tags if re.fullmatch(r"[12](girl|boy)s?", tag)]
    others = [tag for tag in tags if tag not in counts]
    rng.shuffle(others)
    return counts + others


def grounding(scene: Scene, rng: random.Random, mode: Mode | None = None) -> tuple[list[str], list[str]]:
    """General tags and characters for the prompt; a random mode unless one is given."""
    tags = scene_tags(scene)
    modes: tuple[Mode, ...] = ("full", "thin", "none")
    mode = mode or rng.choices(modes, (0.45, 0.3, 0.25))[0]
    if mode == "none":
        return [], []
    share = 1 if mode == "full" else rng.uniform(0.2, 0.9)
    names = tags["character"] if mode == "full" or rng.random() < 0.5 else []
    return [tag for tag in shuffled(tags["general"], rng) if rng.random() < share], names
