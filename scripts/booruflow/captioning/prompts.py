"""What a vision-language model is asked: ToriiGate's own strings, kept in prompts.toml."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from booruflow.core.errors import UserError

PROMPTS = Path(__file__).with_name("prompts.toml")
_strings = tomllib.loads(PROMPTS.read_text(encoding="utf-8"))
STYLES: tuple[str, ...] = tuple(_strings["styles"])


class Prompt(NamedTuple):
    """One request to the model: the system message, and the text that follows the image."""

    system: str
    user: str


def prompt_of(style: str, general: str, characters: str) -> Prompt:
    """The prompt for one post.

    Args:
        style: one of `STYLES`, the keys of `[styles]` in prompts.toml.
        general: the post's general tags, `a, b, c`; may be empty.
        characters: its character tags, likewise.

    Raises:
        UserError: no such style; the message names the nearest one.
    """
    if style not in STYLES:
        nearest = (get_close_matches(style, STYLES, n=1, cutoff=0) or STYLES)[0]
        raise UserError(f"captions.style: no prompt style {style!r}: did you mean {nearest!r}? ({', '.join(STYLES)})")
    grounding = _strings["grounding"]
    user = _strings["styles"][style]
    if general:
        user += grounding["tags"].replace("{tags}", general)
    if characters:
        user += grounding["characters"].replace("{characters}", characters)
    else:
        user += grounding["nameless"]
    return Prompt(_strings["system"], user)
