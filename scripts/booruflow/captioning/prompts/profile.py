"""Prompt profiles: what a model is asked, and which parts of its answers are captions, as one YAML file each.

profiles/schema.yaml describes the keys; docs/captioning.md shows how to write one. Jobs get a profile with the config
section `captioner` and read no file.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from booruflow.core.errors import UserError

FOLDER = Path(__file__).with_name("profiles")
SHIPPED = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "schema"))
GUIDE = "see docs/captioning.md#prompt-profiles"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MEMBERS = {"caption", "repaired", "fallback"}
_FLAGS = ("no_characters", "unknown_characters")

Profile: TypeAlias = Mapping[str, Any]
"""The content of a profile with all defaults, as JSON values."""


@cache
def read_profile(name: str) -> Profile:
    """The profile of that name, or in that file, checked and complete.

    Raises:
        UserError: there is none, or it is not as it should be; one line for each error.
    """
    path = FOLDER / f"{name}.yaml" if name in SHIPPED else Path(name)
    if name not in SHIPPED and path.suffix not in (".yaml", ".yml"):
        nearest = difflib.get_close_matches(name, SHIPPED, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else f"choose {', '.join(SHIPPED)}"
        raise UserError(
            f"config.yaml: captioner.profile: {name!r} is not a profile; {hint}"
            " Or give the path of a file of your own, which ends in .yaml"
        )
    shown = f"profile {name}" if name in SHIPPED else str(path)
    profile = _checked(path, shown)
    if errors := [f"{shown}: {line}" for line in _errors(profile)]:
        raise UserError("\n".join(errors))
    return profile


def _checked(path: Path, shown: str) -> Profile:
    """The content of a file with the defaults of the schema."""
    import yaml

    from booruflow.core.config import check_config, read_yaml

    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a profile, which has keys such as styles: {GUIDE}")
    schema = yaml.safe_load(FOLDER.joinpath("schema.yaml").read_text("utf-8"))
    return check_config(content, schema, shown, f": {GUIDE}")


def _errors(profile: Profile) -> Iterator[str]:
    """What the schema does not see: placeholders that are missing or unknown, and sections that contradict each other."""
    yield from _placeholder_errors(
        "user", profile["user"], {"prompt"} | ({"grounding"} if profile["grounding"] else set()), {"grounding"}
    )
    yield from _placeholder_errors("trait", profile["trait"], {"character", "tags"}, set())
    for number, entry in enumerate(profile["grounding"]):
        for part, text in entry.items():
            repeats = any(part in earlier for earlier in profile["grounding"][:number])
            needed = {part} if part not in _FLAGS and not repeats else set()
            yield from _placeholder_errors(f"grounding.{number}.{part}", text, needed, set() if part in _FLAGS else {part})
    for name, style in profile["styles"].items():
        if style["captions"] and (style["prose"] or style["answer"] == "json"):
            yield f"styles.{name}.captions: a markdown answer without prose is needed: remove prose, or set answer to markdown"
        for taken in sorted(style["captions"].keys() & _MEMBERS):
            yield f"styles.{name}.captions.{taken}: a name that files of captions use otherwise: choose another"


def _placeholder_errors(key: str, text: str, required: set[str], optional: set[str]) -> Iterator[str]:
    found = set(_PLACEHOLDER.findall(text))
    for name in sorted(required - found):
        yield f"{key}: without {{{name}}} in it, the {name} would never be sent: add it"
    for name in sorted(found - required - optional):
        known = " or ".join(f"{{{each}}}" for each in sorted(required | optional)) or "no braces"
        yield f"{key}: {{{name}}} stands for nothing here: remove it, or use {known}"
