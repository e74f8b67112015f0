"""Why an engine ended: what the last lines of its log mean, and what to do about it."""

import re
from pathlib import Path
from typing import NamedTuple

TAIL_BYTES = 64 << 10
"""Of the end of a log that are looked at."""
SHOWN_LINES = 12


class Cause(NamedTuple):
    """A line of a log that says why an engine ended, what it means, and the remedy."""

    line: str
    kind: str
    remedy: str


CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        "port",
        r"address already in use|EADDRINUSE|couldn't bind|error while attempting to bind",
        "its port was taken meanwhile: run again",
    ),
    (
        "memory",
        r"out of memory|OutOfMemory|No available memory for the cache|KV cache.*(larger|less|too small)|Free memory on device"
        r"|failed to allocate|cannot allocate memory|can't allocate memory|bad_alloc|cudaMalloc failed|unable to allocate",
        "not enough memory: end other programs on the GPU, take smaller or quantised weights, or lower what the engine reserves"
        " (captioner.server.arguments) and captioner.max_new_tokens",
    ),
    (
        "GPU",
        r"no CUDA|CUDA (driver|error)|NVIDIA driver|libcuda|no kernel image|Found no NVIDIA|No accelerator|Failed to infer device"
        r"|not compiled with CUDA|torch\.cuda\.is_available",
        "the GPU cannot be used: repair the driver, install the engine for this GPU, or set captioner.device to cpu",
    ),
    (
        "package",
        r"ModuleNotFoundError|ImportError|No module named|requires .* to be installed|pip install|missing dependencies",
        "the engine's own environment lacks a package: install it there",
    ),
    (
        "argument",
        r"unrecognized argument|invalid argument|unknown argument|No such option|error: argument|Got unexpected extra argument"
        r"|invalid choice|Invalid value for",
        "this version of the engine does not know an argument: correct captioner.server.arguments, install another version, or"
        " give the whole command with engine: custom",
    ),
    (
        "model",
        r"not a (local folder|valid model|directory|file)|no such file|does not exist|Repository ?Not ?Found"
        r"|does not appear to have|Unrecognized model|not supported|failed to load model"
        r"|error loading model|Can't load|Unable to load|gated repo"
        r"|Error while deserializing|SafetensorError|config\.json|invalid magic",
        "the engine cannot load this model: correct captioner.model, or take an engine that knows the model",
    ),
)
"""Kinds of causes: name, what the log says, remedy; the first one that is found counts."""
UNKNOWN_REMEDY = "read its log"


def cause_of(lines: list[str]) -> Cause | None:
    """The cause that a log states, or None: the last line of the first kind that has one."""
    for kind, pattern, remedy in CAUSES:
        if found := [line for line in lines if re.search(pattern, line, re.IGNORECASE)]:
            return Cause(found[-1].strip(), kind, remedy)
    return None


def last_lines(log: Path, start: int) -> list[str]:
    """The last lines of a log that are not empty, from byte `start` on, at most TAIL_BYTES of them."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(start, size - TAIL_BYTES))
        return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
