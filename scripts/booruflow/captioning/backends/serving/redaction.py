"""Messages without secrets: servers quote keys and requests in their errors."""

import re
from collections.abc import Iterable, Iterator, Mapping

MAX_MESSAGE = 200
"""Characters of a message."""
MIN_SECRET = 8
"""Characters of a text in `extra_body` that is not shown; shorter ones are words, not secrets."""


def redact(message: object, secrets: Iterable[str]) -> str:
    """A message as one short line, with `***` for each secret and for what a URL can hold of them."""
    text = " ".join(str(message).split())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(https?://)[^/@\s]*@", r"\1***@", text)
    return re.sub(r"(https?://[^?\s]*\?)\S*", r"\1***", text)[:MAX_MESSAGE]


def secrets_in(value: object) -> list[str]:
    """The texts in a JSON value that are long enough to be secrets."""
    return [text for text in texts_in(value) if len(text) >= MIN_SECRET]


def texts_in(value: object) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in texts_in(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in texts_in(item))
