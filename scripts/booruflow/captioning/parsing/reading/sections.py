"""The sections of an answer: which of them are captions, and which are reasoning."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.reading.incomplete_ends import Content

_WORDS = re.compile(r"[^\W_][\w'-]*")
_NUMBER = re.compile(r"\s*[#*_ ]*\d{1,2}(?:[.):]\s*|(?:\.\d{1,2})+[.):]?\s+)")


@lru_cache(65536)
def begins_with(name: str, titles: tuple[str, ...]) -> bool:
    """Whether the title `name` begins with the words of one of `titles`: '# 3. Long description:' with 'long description'."""
    words = _title_words(name)
    return any(f"{words} ".startswith(f"{_title_words(title)} ") for title in titles)


def _title_words(name: str) -> str:
    return " ".join(_WORDS.findall(_NUMBER.sub("", name, count=1).replace("_", " ").lower()))


def with_headings(text: str, titles: Sequence[str]) -> str:
    """Make headings of plain lines that begin with one of `titles`: `2. Individual Parts:`, `Regular Summary: A girl.`"""
    if not titles:
        return text
    names = "|".join(map(re.escape, titles))
    line = re.compile(rf"^[ \t]*(?:\d{{1,2}}[.)][ \t]*)?({names})(?:[ \t]*:[ \t]*(.*)|[ \t]*)$", re.IGNORECASE | re.MULTILINE)
    return line.sub(lambda found: f"**{found[1]}**\n{found[2] or ''}", text)


def without_sections(content: Content, titles: tuple[str, ...]) -> Content:
    """The content without the sections whose titles begin with one of `titles`."""
    return _selected(content, titles, chosen=False)


def has_section(content: Content, titles: tuple[str, ...]) -> bool:
    """Whether the title of one of the sections begins with one of `titles`."""
    return any(begins_with(name, titles) for name, _ in _members(content.value, titles))


def only_sections(content: Content, titles: tuple[str, ...]) -> Content:
    """The content of the sections whose titles begin with one of `titles`; all of it if it has none of them."""
    return _selected(content, titles, chosen=True) if has_section(content, titles) else content


def _selected(content: Content, titles: tuple[str, ...], *, chosen: bool) -> Content:
    """The content of the sections that begin with one of `titles`, or of the others; without a cut end, nothing is cut."""
    members = _members(content.value, titles)
    kept = [begins_with(name, titles) is chosen for name, _ in members]
    if all(kept) and not chosen:
        return content
    value, intact = (
        Pairs(
            (_shown_title(inner) if chosen else name, inner)
            for name, inner in _members(each, titles)
            if begins_with(name, titles) is chosen
        )
        for each in (content.value, content.intact)
    )
    is_whole = any(kept) and not kept[-1]
    return replace(content, value=value, intact=intact, cut=None if is_whole else content.cut)


def _shown_title(value: Value) -> str:
    """What stands for the title of a chosen section, which is a word of the prompt: the parts below it are characters."""
    return "people" if isinstance(value, Pairs) and any(name for name, _ in value) else ""


def _members(value: Value, titles: tuple[str, ...]) -> "Sequence[tuple[str, Value]]":
    """The sections at the top of an answer, also where one other heading stands above all of them."""
    while isinstance(value, Pairs) and len(value) == 1 and not begins_with(value[0][0], titles):
        inner = value[0][1]
        if not isinstance(inner, Pairs):
            break
        value = inner
    return value if isinstance(value, Pairs) else ()
