"""Grounding tags for a scene's prompt: in full, thinned or none, in any order."""

import random
import re
from collections.abc import Sequence
from typing import Literal

from booruflow.captioning.prompts import Prompt, prompt_of
from booruflow.demo.scene import Scene
from booruflow.demo.descriptions import scene_tags

Mode = Literal["full", "thin", "none"]


def prompt_with(general: Sequence[str], characters: Sequence[str]) -> Prompt:
    """ToriiGate's prompt for a JSON answer, with these tags."""
    return prompt_of("json", ", ".join(general), ", ".join(characters))


def shuffled(tags: Sequence[str], rng: random.Random) -> list[str]:
    """The tags in any order, those that count people first."""
    counts = [tag for tag in tags if re.fullmatch(r"[12](girl|boy)s?", tag)]
    others = [tag for tag in tags if tag not in counts]
    rng.shuffle(others)
    return counts + others


def grounding(scene: Scene, rng: random.Random, mode: Mode | None = None) -> tuple[list[str], list[str]]:
    """General tags and characters for the prompt: all of them, thinned, or none (by chance, unless told)."""
    tags = scene_tags(scene)
    modes: tuple[Mode, ...] = ("full", "thin", "none")
    mode = mode or rng.choices(modes, (0.45, 0.3, 0.25))[0]
    if mode == "none":
        return [], []
    share = 1 if mode == "full" else rng.uniform(0.2, 0.9)
    names = tags["character"] if mode == "full" or rng.random() < 0.5 else []
    return [tag for tag in shuffled(tags["general"], rng) if rng.random() < share], names
