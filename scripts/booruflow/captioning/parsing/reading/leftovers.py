"""Checks that no JSON syntax and no name of a key is left in the texts of a value."""

import re
from collections.abc import Sequence

from booruflow.captioning.parsing.key_roles import is_usual_name
from booruflow.captioning.parsing.text.cleaning import clean

_PAIR = re.compile(r"""["'`]\s*+:\s*+\\*+(?:["'\[{\d-]|(?:true|false|null|None)\b)""")
_CONTAINER = re.compile(
    r"""\{\s*+\\*+["']?\w[\w -]{0,40}+\\*+["']?\s*+:|\{\s*+\\*+["']|\[\s*+\{|\}\s*+,\s*+\{|\}\s*+\]"""
    r"""|\[\s*+\\*+"[^"\[\]]{0,200}+"\s*+,\s*+\\*+\""""
)
_CLOSING_END = re.compile(r"""["']\s*+[}\]][\s}\],]*+\Z""")
_UNICODE_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
_WITH_UNDERSCORE = re.compile(r"(?<![\w@/])(?=\w*_)\w*[^\W\d_]\w*")
_NUMBERED = re.compile(r"[a-z_]+_\d{1,2}")  # `clean` writes 'the second character' for `character_2`
_DAMAGE = re.compile(
    r"""\A\s*+[:,]|["']\s*+:\s*+(?:[,}\]]|\Z)|["'][\]}]?\s*+,\s*+["']?\w++["']?\s*+:|[{\[]\s*+\\*+["']|["'\n]\s*+[}\]]|[}\]]\s*+,\s*+["']"""
)
_QUOTED_NAME = re.compile(r"""(?:\A|[,;{\n"'])[^\S\n]*+["']?([^\W\d_][\w -]{1,40}+)(?:["']|\s*+:)""")
_UNCLOSED_NAME = re.compile(r"""["']([^\W\d_][\w -]{1,40}+)\Z""")
_NAME_CHARACTERS = re.compile(r"""[^"`\n{}:\\]*+(?<!')""")
_MAX_NAME_LENGTH = 80


def has_leftovers(names: Sequence[str], texts: Sequence[str], *, damaged: bool) -> bool:
    """Whether one of `texts` contains JSON syntax, such as `", "background": "`, or the name of a key.

    Args:
        names: the keys of a value.
        texts: its strings.
        damaged: whether the JSON was damaged; then quoted words and words with an underscore are not taken for prose.
    """
    keys = frozenset(names)
    if any(_is_no_name(name, damaged) for name in keys):
        return True
    if damaged and any(_is_damaged(text, keys) or _is_damaged(clean(text), keys) for text in texts):
        return True
    return any(has_json_syntax(text) or _names_key(text, keys) for text in texts)


def _is_no_name(name: str, damaged: bool) -> bool:
    if damaged and (len(name) > _MAX_NAME_LENGTH or not _NAME_CHARACTERS.fullmatch(name)):
        return True
    return ":" in name and _PAIR.search(name) is not None


def has_json_syntax(text: str) -> bool:
    """Whether `text` contains JSON syntax; braces, brackets and quotes alone are none."""
    if ":" in text and any(map(_is_json_pair, _PAIR.finditer(text))):
        return True
    if ("{" in text or "[" in text or "}" in text or "]" in text) and (_CONTAINER.search(text) or _closes_too_much(text)):
        return True
    if "\\u" in text and _UNICODE_ESCAPE.search(text):
        return True
    return not text.isprintable() and _PAIR.search(clean(text)) is not None  # `clean` removes control characters


def _names_key(text: str, keys: frozenset[str]) -> bool:
    """Whether a word with an underscore in `text` is the name of a key."""
    return "_" in text and any(
        name in keys or is_usual_name(name) for name in _WITH_UNDERSCORE.findall(text) if not _NUMBERED.fullmatch(name)
    )


def _is_json_pair(found: re.Match[str]) -> bool:
    """Whether a quote, a colon and a value belong to JSON. `"Monday": "closed"` may be text in the image."""
    before = found.string[max(0, found.start() - _MAX_NAME_LENGTH) : found.start()].rstrip("\\")
    opening = before.rfind('"')
    name = before[opening + 1 :]
    in_quotes = opening >= 0 and found[0][0] == '"' and found[0][-1] not in "'[{"
    return not in_quotes or not name.strip() or name[:1].islower() or "_" in name or is_usual_name(name)


def _closes_too_much(text: str) -> bool:
    opened = text.count("{") + text.count("[")
    return opened < text.count("}") + text.count("]") and _CLOSING_END.search(text) is not None


def _is_damaged(text: str, keys: frozenset[str]) -> bool:
    if _DAMAGE.search(text) or _PAIR.search(text) or ("_" in text and _WITH_UNDERSCORE.search(text)):
        return True
    names = (name.strip() for name in (*_QUOTED_NAME.findall(text), *_UNCLOSED_NAME.findall(text)))
    return any(not name[0].isupper() and (name in keys or is_usual_name(name)) for name in names)
