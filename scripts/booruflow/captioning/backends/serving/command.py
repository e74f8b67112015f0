"""The command that starts an engine: the words of its preset and of the config, with their placeholders filled in."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from booruflow.captioning.backends.serving.presets import Preset
from booruflow.core.errors import UserError

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SECRET_OPTION = re.compile(r"--?[\w-]*(?:api-?key|token|password|secret)(?:=.*)?", re.IGNORECASE)
IMAGE_TOKEN_PIXELS = 28 * 28
"""Of the Qwen2-VL family; that of Qwen3-VL has 32 x 32."""
PROMPT_TOKENS = 3072
"""Room for the text of a prompt; tags are its longest part."""


def engine_command(preset: Preset, captioner: Mapping[str, Any], folder: str, port: int) -> list[str]:
    """The words of the command; `folder` is that of the model.

    Raises:
        UserError: the program is not there, a placeholder is unknown, or the folder lacks a file that the engine needs.
    """
    options = captioner["server"]
    values = placeholders(captioner, folder, port)
    program = options["program"] or list(preset.program or ())
    if not program:
        raise UserError(
            f"captioner.server.program: engine {options['engine']} needs the command that starts it, as a list of words"
        )
    for name in preset.required:
        if values[name] is None:
            raise UserError(f"captioner.model: {folder} holds no *{name}*, which {options['engine']} needs: put the file there")
    groups = [program, *preset.arguments, options["model_arguments"], options["arguments"]]
    words = [word for group in groups for word in _filled(group, values)]
    beside = shutil.which(words[0], path=str(Path(sys.executable).parent))
    found = beside or shutil.which(words[0])
    if found is None:
        raise UserError(
            f"captioner.server.program: there is no program {words[0]}: install the engine in an environment of its own and give"
            f" its path, such as program: [/opt/engine/bin/{Path(words[0]).name}]"
        )
    return [found, *words[1:]]


def check_arguments(options: Mapping[str, Any]) -> None:
    """Refuse secrets in a command: engines print their arguments, and other users of the machine can read them.

    Raises:
        UserError: an option of `program`, `arguments` or `model_arguments` is called as one for a secret.
    """
    for key in ("program", "arguments", "model_arguments"):
        for word in options[key] or ():
            if _SECRET_OPTION.fullmatch(word):
                raise UserError(
                    f"captioner.server.{key}: {word.partition('=')[0]} would show a secret to all users of the machine: leave it"
                    " out (only this machine reaches the engine); for a gated model set HF_TOKEN in the environment"
                )


def placeholders(captioner: Mapping[str, Any], folder: str, port: int) -> dict[str, str | None]:
    """What placeholders stand for; None: the group of words that holds it is left out."""
    sequences = captioner["batch_size"]
    limits = {name: captioner[name] for name in ("min_pixels", "max_pixels") if captioner[name]}
    max_image_tokens = captioner["max_pixels"] and -(-captioner["max_pixels"] // IMAGE_TOKEN_PIXELS)
    context = -(-((max_image_tokens or 16384) + PROMPT_TOKENS + captioner["max_new_tokens"]) // 1024) * 1024
    path = Path(folder)
    values = {
        "model": folder,
        "model_parent": path.absolute().parent,
        "model_name": path.name,
        "name": captioner["model"],
        "gguf": _first(path, "*.gguf", "mmproj"),
        "mmproj": _first(path, "*mmproj*.gguf"),
        "port": port,
        "device": captioner["device"],
        "dtype": captioner["dtype"],
        "attention": captioner["attention"],
        "context": context,
        "context_of_all": context * sequences,
        "sequences": sequences,
        "gpu_layers": 999 if captioner["device"] == "cuda" else 0,
        "pixel_limits": json.dumps(limits) if limits else None,
        "min_image_tokens": captioner["min_pixels"] and captioner["min_pixels"] // IMAGE_TOKEN_PIXELS,
        "max_image_tokens": max_image_tokens,
    }
    return {name: None if value is None else str(value) for name, value in values.items()}


def _first(folder: Path, pattern: str, without: str = "\0") -> Path | None:
    """The first file of that form; of a model in parts the first is the one that is loaded."""
    return min((path for path in folder.glob(pattern) if without not in path.name), default=None)


def _filled(words: Iterable[str], values: Mapping[str, str | None]) -> list[str]:
    """The words with their placeholders filled in; none if one of them has no value. Other braces stay."""
    words = list(words)
    names = {name for word in words for name in _PLACEHOLDER.findall(word) if name in values}
    if any(values[name] is None for name in names):
        return []
    return [_PLACEHOLDER.sub(lambda match: values.get(match[1]) or match[0], word) for word in words]
