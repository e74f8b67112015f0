"""Texts by others, made harmless for a page beyond the escaping of HTML."""

import re

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters but for tab and line break, overrides of the direction of text, and what UTF-8 cannot hold."""


def visible(text: str) -> str:
    r"""A text with escapes such as `\x00` and `\u202e` in place of characters that do not show or that reorder a line."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)
