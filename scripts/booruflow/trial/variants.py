"""What a trial compares: the captioner as configured, in each of its styles, and with the changes of `captions.compare`."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from booruflow.captioning.prompts.settings import with_profile
from booruflow.core.config import check_config
from booruflow.core.errors import UserError

Captioner: TypeAlias = dict[str, Any]
"""The config section `captioner` as jobs use it, see `booruflow.captioning.prompts.settings.with_profile`."""


def trial_variants(
    section: Mapping[str, Any], compare: Mapping[str, Mapping[str, Any]], schema: Mapping[str, Any]
) -> dict[str, Captioner]:
    """The captioner of each variant by name: those of the configured styles by their names, then those of `compare`.

    Each has one style, and a profile with nothing but this style, so that all together are short enough for an environment
    variable.

    Args:
        section: the config section `captioner`.
        compare: for each name the keys of that section that are different.
        schema: of that section.

    Raises:
        UserError: a variant is not possible, or has the name of a style; one line for each error.
    """
    configured = with_profile(section)
    variants = {style: _in_one_style(configured, style) for style in configured["styles"]}
    for name, changes in compare.items():
        place = f"captions.compare.{name}"
        if name in variants:
            raise UserError(f"config.yaml: {place}: the name of a style of captioner, which is shown anyway: choose another name")
        if "styles" in changes:
            raise UserError(f"config.yaml: {place}.styles: a variant has one style: give style, and a variant for each")
        changed = check_config(_changed(section, changes), dict(schema), f"config.yaml: {place}")
        try:
            captioner = with_profile(changed)
        except UserError as error:
            raise UserError(str(error).replace("config.yaml: captioner", f"config.yaml: {place}")) from None
        variants[name] = _in_one_style(captioner, captioner["style"])
    return variants


def _changed(section: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The section with changes; those of a section in it are changes of that. Another profile has its own first style."""
    changed = {
        key: {**section[key], **value} if isinstance(value, dict) and isinstance(section.get(key), dict) else value
        for key, value in changes.items()
    }
    style: dict[str, Any] = (
        {"styles": [], "style": None} if "profile" in changes else {"styles": []} if "style" in changes else {}
    )
    return {**section, **style, **changed}


def _in_one_style(captioner: Captioner, style: str) -> Captioner:
    profile = captioner["profile"]
    styles = {style: profile["styles"][style]}
    return {**captioner, "style": style, "styles": [style], "profile": {**profile, "styles": styles}}


def shown_changes(changes: Mapping[str, Any]) -> str:
    """The changes of a variant in one line; of sections only their names, since they can hold a secret."""
    return ", ".join(f"{key} of its own" if isinstance(value, dict) else f"{key}: {value}" for key, value in changes.items())


def shown_model(captioner: Mapping[str, Any]) -> str:
    """Backend and model in one line, with the start of the commit of a hub model: `server, vllm: owner/name (01234567)`."""
    backend = captioner["backend"]
    section = captioner["tipo"] if backend == "tipo" else captioner
    engine = f", {captioner['server']['engine']}" if backend == "server" else ""
    commit = f" ({section['revision'][:8]})" if section["revision"] else ""
    return f"{backend}{engine}: {section['model']}{commit}"
