"""The backends by the names they have in the config."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from booruflow.captioning.backends.exllamav2 import ExLlamaV2Backend
from booruflow.captioning.backends.interface import Backend
from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.backends.server import ServerBackend
from booruflow.captioning.backends.tipo import TipoBackend
from booruflow.captioning.backends.transformers import TransformersBackend
from booruflow.core.errors import UserError

BACKENDS: Mapping[str, Callable[[Mapping[str, Any]], Backend]] = {
    "transformers": TransformersBackend,
    "exllamav2": ExLlamaV2Backend,
    "server": ServerBackend,
    "openai": OpenAIBackend,
    "tipo": TipoBackend,
}


def open_backends(captioner: Mapping[str, Any]) -> list[Backend]:
    """The backend of the config section `captioner`, then its fallback if there is one; no model is loaded yet."""
    return [BACKENDS[name](captioner) for name in (captioner["backend"], captioner["fallback"]) if name]


PACKAGES = {
    "transformers": ("torch", "transformers"),
    "exllamav2": ("torch", "exllamav2"),
    "server": ("httpx", "huggingface_hub"),
    "openai": ("httpx",),
    "tipo": ("torch", "transformers", "kgen"),
}
"""The packages without which a backend cannot work; pyproject.toml has a group of dependencies for each backend."""


def captioner_errors(captioner: Mapping[str, Any], check_packages: bool) -> list[str]:
    """What keeps the config section `captioner` from captioning, one line each, found without loading anything.

    Args:
        captioner: the config section.
        check_packages: whether caption jobs run in the environment of this process.
    """
    errors, info = [], captioner["info"]
    if info and not Path(info).is_file():
        errors.append(f"config.yaml: captioner.info: {info}: no such file: correct the path")
    least, most = captioner["min_pixels"], captioner["max_pixels"]
    if least and most and least > most:
        errors.append(
            f"config.yaml: captioner.min_pixels: {least} is above max_pixels, {most}: set both; one that is not set has the value"
            " of the profile"
        )
    for key in ("backend", "fallback"):
        name = captioner[key]
        if name is None:
            continue
        missing = [package for package in PACKAGES[name] if find_spec(package) is None] if check_packages else []
        if missing:
            errors.append(
                f"config.yaml: captioner.{key}: {name} needs the package {missing[0]}, which is not installed: run"
                f" `python -m pip install --group {name}` in the clone of booruflow, or snakemake with --sdm conda"
            )
        if name != "tipo" and captioner["model"] is None:
            errors.append(
                "config.yaml: captioner.model: no model is named: give its folder or hub id, or set captions.generate to false"
            )
            continue
        try:
            BACKENDS[name](captioner).identity()
        except UserError as error:
            errors.append(f"config.yaml: {error}")
    return errors
