"""What a model is prompted with: a profile's texts with the tags of a post, or the tags alone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from booruflow.captioning.prompts.profile import read_profile

DEFAULT_PROFILE = "toriigate-0.4"
SHORT_TAG = 3
"""Tags of at most so many characters, such as `^_^`, keep their underscores."""


class Prompt(NamedTuple):
    """The text of one request: the system message, and the user's text that belongs to the image."""

    system: str
    user: str


class Grounding(NamedTuple):
    """What is known about a post. Tags are spelled as on the booru."""

    tags: Sequence[str] = ()
    """General tags."""
    characters: Sequence[str] | None = None
    """Character tags; None if it is not to be said whether there are any."""
    traits: Mapping[str, Sequence[str]] = {}
    """The usual tags of characters."""
    info: str = ""
    """A text about the image."""


def write_prompt(profile: Mapping[str, Any], style: str, post: Grounding) -> Prompt:
    """The prompt for a post with an image.

    Args:
        profile: see `booruflow.captioning.prompts.profile`.
        style: one of the profile's styles.
        post: what the prompt may say; a part for which it holds nothing is left out.
    """
    chosen, spelling = profile["styles"][style], profile["tags"]
    tags, names = list(post.tags), (post.characters or ())[: profile["max_characters"]]
    if post.characters is not None and not names and spelling["no_characters"]:
        tags.append(spelling["no_characters"])
    is_unknown = post.characters is None or chosen["needs_names"]
    values = {
        "info": post.info,
        "tags": _joined(tags, spelling, SHORT_TAG),
        "characters": _joined(names, spelling),
        "traits": "\n".join(
            _filled(
                profile["trait"],
                {"character": _joined([name], spelling), "tags": _joined(post.traits[name], spelling, SHORT_TAG)},
            )
            for name in names
            if post.traits.get(name)
        ),
        "no_characters": "" if names or is_unknown else "holds",
        "unknown_characters": "holds" if is_unknown and not names else "",
    }
    parts = [_filled(text, values) for entry in profile["grounding"] for part, text in entry.items() if values[part]]
    return Prompt(profile["system"], _filled(profile["user"], {"prompt": chosen["prompt"], "grounding": "".join(parts)}))


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with `{name}` replaced by each value; braces in values are no placeholders."""
    pieces = template.split("{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, brace, rest = piece.partition("}")
        filled.append(f"{values[name]}{rest}" if brace and name in values else "{" + piece)
    return "".join(filled)


def _joined(tags: Sequence[str], spelling: Mapping[str, str], short: int = 0) -> str:
    """The tags as the profile spells them; those of at most `short` characters keep their underscores."""
    if spelling["underscores"] == "space":
        tags = [tag if len(tag) <= short else tag.replace("_", " ") for tag in tags]
    return spelling["separator"].join(tags)


def prompt_of(style: str, general: str, characters: str) -> Prompt:
    """The prompt of the default profile for general tags and character tags, `a, b, c`; either may be empty."""
    tags, names = (text.split(", ") if text else [] for text in (general, characters))
    return write_prompt(read_profile(DEFAULT_PROFILE), style, Grounding(tags, names))


def tags_prompt(general: str, characters: str, artists: str) -> Prompt:
    """The prompt for a post without an image: its tags, one category a line; categories without tags are left out."""
    categories = {"general": general, "characters": characters, "artist": artists}
    return Prompt("", "\n".join(f"{category}: {tags}" for category, tags in categories.items() if tags))
