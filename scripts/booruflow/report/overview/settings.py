"""The settings as the report shows them: one line each, without what may be a secret.

Loaded by Snakemake's own process, so it imports no data libraries.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from booruflow.captioning.backends.serving.redaction import redact

HIDDEN = "***"

_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|credential", re.IGNORECASE)
"""In the name of a command line argument, as in `--api-key`."""
_NO_SECRET = re.compile(r"tokens|tokenizer|keyframe", re.IGNORECASE)

MAX_SHOWN = 200
"""Characters of a value."""


def shown_settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings as (key, value), `captions.shards` and `4`, in the order of the config.

    Left out is what may hold a secret: all values of `extra_body`, what follows an argument such as `--api-key`, and user names,
    passwords and queries in URLs.
    """
    return [(key, shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…") for key, shown in _lines("", config)]


def _lines(key: str, value: object) -> Iterator[tuple[str, str]]:
    if key.endswith(".extra_body"):
        yield key, HIDDEN if value else "{}"
    elif isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _lines(f"{key}.{name}".lstrip("."), item)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _lines(f"{key}[{number}]", item)
    else:
        yield key, _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, _without_secrets(list(value)))) or "none"
    if value is None or value in ({}, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return redact(value, []) if isinstance(value, str) else str(value)


def _without_secrets(items: list[object]) -> Iterator[object]:
    """A list in which no value of an argument with the name of a secret is shown, whether it follows or is joined by `=`."""
    hide_next = False
    for item in items:
        name, equals, _ = str(item).partition("=")
        is_secret = name.startswith("-") and _SECRET_NAME.search(_NO_SECRET.sub("", name)) is not None
        if hide_next and not name.startswith("-"):
            yield HIDDEN
        else:
            yield f"{name}={HIDDEN}" if is_secret and equals else item
        hide_next = is_secret and not equals
