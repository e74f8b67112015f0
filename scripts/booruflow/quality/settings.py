"""The config section `quality`: which flags there are. Loaded by Snakemake's own process, so it imports no data libraries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAG_NAMES = (
    *(
        "character_missing",
        "character_unknown",
        "colour_clothes",
        "colour_eyes",
        "colour_hair",
        "common_opening",
        "language",
        "long",
    ),
    *("over_225_tokens", "over_512_tokens", "over_75_tokens", "people_number", "people_sex", "prompt_echo", "repeated", "short"),
)
"""All flags, as in the schema."""


@dataclass(frozen=True)
class Settings:
    """What the rule `quality` checks."""

    flags: list[str]
    artist_sentence: str
    prompts: list[str]
    """The texts of the prompt, whose words are no caption; empty without generated captions."""
    named: int
    """The number of characters that the prompt names at most; 0 for none."""


def wanted_flags(section: Mapping[str, Any]) -> list[str]:
    """The flags to look for."""
    return sorted(FLAG_NAMES if section["flags"] is None else section["flags"])


def quality_errors(section: Mapping[str, Any]) -> list[str]:
    """A line for each flag in the queue that is not looked for, and each tokenizer that is not there."""
    unwanted = [flag for flag in section["queue"] if flag not in wanted_flags(section)]
    absent = [(name, path) for name, path in section["tokenizers"].items() if path and not Path(path).is_file()]
    return [
        *(
            f"quality.queue: {flag} is not among quality.flags, so no caption has it: add it there, or take it out here"
            for flag in unwanted
        ),
        *(
            f"quality.tokenizers.{name}: {path}: no such file: correct the path, or set null for an estimate"
            for name, path in absent
        ),
    ]


def check_settings(config: Mapping[str, Any], request: Mapping[str, Any], generated: bool) -> dict[str, Any]:
    """`Settings` by the config and what a request is made of (`prompts.settings.request_settings`), as a param."""
    pieces = [text for entry in request["grounding"] for text in entry.values()]
    texts = [text for text in (request["system"], request["style"], *pieces) if text]
    most = request["max_characters"] or MANY_CHARACTERS
    return {
        "flags": wanted_flags(config["quality"]),
        "artist_sentence": config["captions"]["artist_sentence"] if generated else "",
        "prompts": texts if generated else [],
        "named": most if generated and "characters" in request["parts"] else 0,
    }


MANY_CHARACTERS = 3
"""Of more characters than this a caption may leave some out, whatever the prompt."""
