"""Which rows of a shard a backend can caption, and the journal key of each caption.

A key is a digest of the id and of everything that determines the text: the backend's identity, the prompt, the image.
"""

import hashlib
from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import orjson

from booruflow.captioning.backends.interface import Backend
from booruflow.captioning.prompts.known import NOTHING, Known
from booruflow.captioning.prompts.prompt import Grounding, Prompt, tags_prompt, write_prompt
from booruflow.captioning.prompts.settings import request_settings
from booruflow.captioning.shards import Row, Shard, image_place, row_blocks
from booruflow.captioning.skipped import NO_METADATA, Skip, Skips, skip_unreadable
from booruflow.core.errors import Unreadable
from booruflow.core.progress import progress
from booruflow.core.tables import rows_of
from booruflow.sources.images.reading import fingerprint
from booruflow.sources.images.reasons import NO_IMAGE

Keys: TypeAlias = "np.ndarray[Any, np.dtype[np.bytes_]]"
"""One journal key (dtype S16) per row of a shard; empty where the backend makes no request."""
Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

NO_KEY = bytes(16)
ROWS_PER_BLOCK = 4096


def plan_keys(
    shard: Shard,
    captioner: Mapping[str, Any],
    backend: Backend,
    identity: Mapping[str, Any],
    threads: int,
    candidates: Container[int] | None,
    known: Known = NOTHING,
) -> tuple[Keys, Skips]:
    """The journal key of each row, and the candidates that get none, with the reason.

    `captioner` is the config section of that name, `identity` that of the backend, and `candidates` are the ids that need
    a caption (None for all). `known` is what the prompts may tell beyond the rows. Images are read in `threads` threads.
    """
    key_of = _key_function(captioner, backend, identity, known)
    keys = bytearray()
    skips: Skips = {}
    total = rows_of(shard.split)
    with progress(total, "checking images", "images") as bar, ThreadPoolExecutor(threads) as pool:
        for rows in row_blocks(shard.split, ROWS_PER_BLOCK):
            results = pool.map(lambda row: key_of(row) if candidates is None or row["id"] in candidates else NO_KEY, rows)
            for row, result in zip(rows, results, strict=True):
                if isinstance(result, Skip):
                    skips[row["id"]] = result
                keys += NO_KEY if isinstance(result, Skip) else result
            bar.update(len(rows))
    return np.frombuffer(bytes(keys), dtype="S16"), skips


def settings_digest(captioner: Mapping[str, Any], backend: Backend, identity: Mapping[str, Any]) -> str:
    """A digest (8 hex digits) of all settings that determine the texts of a backend, for the progress, which computes no keys."""
    request = request_settings(captioner) if backend.needs_image else None
    return hashlib.sha256(_identity_text(identity) + orjson.dumps(request)).hexdigest()[:8]


def _identity_text(identity: Mapping[str, Any]) -> bytes:
    # YAML's 1 and 1.0 are the same setting
    settings = {name: float(value) if type(value) is int else value for name, value in identity.items()}
    return orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)


def key_of_row(keys: Keys, row: int) -> bytes:
    """One key, 16 bytes; numpy drops zeros at the end."""
    return bytes(keys[row]).ljust(len(NO_KEY), b"\0")


def row_prompt(row: Row, captioner: Mapping[str, Any], backend: Backend, known: Known) -> Prompt:
    """The prompt of a row: that of the style, with the parts of the grounding that the config asks for, or the tags alone."""
    if not backend.needs_image:
        return tags_prompt(row["general"], row["characters"], row["artists"])
    parts = captioner["grounding"]
    post = Grounding(
        tags=_split(row["general"]) if "tags" in parts else (),
        characters=_split(row["characters"]) if "characters" in parts else None,
        traits=known.traits if "traits" in parts else {},
        info=known.info.get(row["id"], "") if "info" in parts else "",
    )
    return write_prompt(captioner["profile"], captioner["style"], post)


def _split(line: str) -> list[str]:
    return line.split(", ") if line else []


def _key_function(
    captioner: Mapping[str, Any], backend: Backend, identity: Mapping[str, Any], known: Known
) -> Callable[[Row], bytes | Skip]:
    """A function from a row to its journal key, or to the reason why this backend cannot caption it."""
    identity_digest = hashlib.sha256(_identity_text(identity))
    needs_tags = not backend.needs_image or any(part != "info" for part in captioner["grounding"])

    def key_of(row: Row) -> bytes | Skip:
        image, prompt = None, row_prompt(row, captioner, backend, known)
        if (needs_tags and not row["has_metadata"]) or not prompt.user:
            return Skip(NO_METADATA)
        if backend.needs_image:
            if row["image"] is None:
                return Skip(NO_IMAGE)
            try:
                image = fingerprint(*image_place(row))
            except Unreadable as error:
                return skip_unreadable(error)
        digest = identity_digest.copy()
        digest.update(orjson.dumps([row["id"], *prompt, image]))
        return digest.digest()[:16]

    return key_of
