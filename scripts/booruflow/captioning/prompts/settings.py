"""The config section `captioner` as jobs use it: with its profile read, and all settings that are left to the profile."""

import difflib
from collections.abc import Mapping
from typing import Any

from booruflow.captioning.prompts.profile import Profile, read_profile
from booruflow.core.errors import UserError

SAMPLING = ("max_new_tokens", "temperature", "top_p", "repetition_penalty")
IMAGE = ("min_pixels", "max_pixels")
GROUNDING = ("info", "tags", "characters", "traits")
"""The parts of the grounding that the config chooses."""


def with_profile(section: Mapping[str, Any]) -> dict[str, Any]:
    """The section with the content of its profile in place of the name.

    `styles` lists all styles and `style` is the first; `grounding` lists the parts that a request may have. What was null is as
    in the profile.

    Raises:
        UserError: there is no such profile or style, or the profile's file is not as it should be.
    """
    profile = read_profile(section["profile"])
    styles = section["styles"] or [section["style"] or next(iter(profile["styles"]))]
    for style in styles:
        if style not in profile["styles"]:
            raise UserError(_unknown_style(section, style, list(profile["styles"])))
    chosen = {name: section[name] for name in (*SAMPLING, *IMAGE)}
    values = {name: value for name, value in chosen.items() if value is not None}
    return {
        **section,
        **{name: profile["sampling"][name] for name in SAMPLING},
        **{name: profile["image"][name] for name in IMAGE},
        **values,
        "profile": profile,
        "style": styles[0],
        "styles": styles,
        "grounding": _grounding(section, profile),
    }


def for_style(captioner: Mapping[str, Any], style: str) -> dict[str, Any]:
    """The section of `with_profile` for requests of another of its styles."""
    return {**captioner, "style": style}


def views(captioner: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Captions besides those of the first style, by name: the style, and the name in its answers (`caption` for the first)."""
    first, *further = captioner["styles"]
    found = {style: (style, "caption") for style in further}
    for style in (first, *further):
        found |= {f"{style}_{name}": (style, name) for name in list(captioner["profile"]["styles"][style]["captions"])[1:]}
    return found


def request_settings(captioner: Mapping[str, Any]) -> dict[str, Any]:
    """All of a profile that determines requests of the section's style, besides what `Backend.identity` holds."""
    profile, style = captioner["profile"], captioner["profile"]["styles"][captioner["style"]]
    shared = {key: profile[key] for key in ("system", "user", "grounding", "tags", "trait", "max_characters")}
    return {**shared, "style": style["prompt"], "needs_names": style["needs_names"], "parts": captioner["grounding"]}


def parser_settings(captioner: Mapping[str, Any], style: str) -> dict[str, Any]:
    """How the answers to a style are parsed, for `booruflow.captioning.parse.ParserSettings`."""
    profile = captioner["profile"]
    chosen = profile["styles"][style]
    return {
        "answer": chosen["answer"],
        "reasoning": profile["reasoning"],
        "prose": chosen["prose"],
        "captions": chosen["captions"],
    }


def _grounding(section: Mapping[str, Any], profile: Profile) -> list[str]:
    """The parts that are asked for and for which the profile has a place."""
    setting, places = section["grounding"], {part for entry in profile["grounding"] for part in entry}
    wanted = setting if isinstance(setting, list) else GROUNDING if setting else ()
    parts = [part for part in GROUNDING if part in wanted and part in places]
    if section["info"] is None:
        return [part for part in parts if part != "info"]
    if "info" not in parts:
        raise UserError(
            f"config.yaml: captioner.info: the prompt has no place for it: add info to captioner.grounding, or"
            f" {{info}} to the grounding of the profile {section['profile']}"
        )
    return parts


def _unknown_style(section: Mapping[str, Any], style: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(style, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else f"choose {', '.join(known)}"
    key = "styles" if section["styles"] else "style"
    return f"config.yaml: captioner.{key}: the profile {section['profile']} has no style {style!r}; {hint}"
