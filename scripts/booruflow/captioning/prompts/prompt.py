"""What a model is prompted with: ToriiGate's own prompts, kept in prompts.toml, or the tags alone."""

import tomllib
from pathlib import Path
from typing import NamedTuple

_PROMPTS = tomllib.loads(Path(__file__).with_name("prompts.toml").read_text(encoding="utf-8"))
STYLES: tuple[str, ...] = tuple(_PROMPTS["styles"])


class Prompt(NamedTuple):
    """The text of one request: the system message, and the user's text that follows the image."""

    system: str
    user: str


def prompt_of(style: str, general: str, characters: str) -> Prompt:
    """The prompt for a post with an image.

    Args:
        style: one of `STYLES`, the keys of `[styles]` in prompts.toml.
        general: the post's general tags, `a, b, c`; may be empty.
        characters: its character tags, likewise.
    """
    grounding = _PROMPTS["grounding"]
    user = _PROMPTS["styles"][style]
    if general:
        user += grounding["tags"].replace("{tags}", general)
    user += grounding["characters"].replace("{characters}", characters) if characters else grounding["nameless"]
    return Prompt(_PROMPTS["system"], user)


def tags_prompt(general: str, characters: str, artists: str) -> Prompt:
    """The prompt for a post without an image: its tags, one category a line; categories without tags are left out."""
    categories = {"general": general, "characters": characters, "artist": artists}
    return Prompt("", "\n".join(f"{category}: {tags}" for category, tags in categories.items() if tags))
