"""A markdown answer as the same nested value that JSON gives, so that one way of telling serves both."""

import re
from typing import TypeAlias

from booruflow.captioning.parsing.keys import Role, read_key
from booruflow.captioning.parsing.values import Pairs, Value

_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_BOLD_LINE = re.compile(r"\s*(?:\*\*|__)([^*_]{1,80}?):?(?:\*\*|__):?\s*$")
_BULLET = re.compile(r"(\s*)(?:[-*+•‣◦–]|\d{1,2}[.)])\s+(\S.*)$")
_LABELLED = re.compile(r"(?:\*\*|__)([^*]{1,80}?)\s*(?::\s*(?:\*\*|__)|(?:\*\*|__)\s*[:–—-])\s*(.*)$")
_PLAIN_LABEL = re.compile(r"([A-Z][\w' ]{1,40}):\s+(\S.*)$")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$|\s*\|?(?:\s*:?-{2,}:?\s*\|)+\s*(?::?-+:?)?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\w)([^*\n]+?)(?<=[\w.,!?])\*(?![\w*])|(?<!\w)_(?=\w)([^_\n]+?)(?<=[\w.,!?])_(?!\w)")
_BOLD_LEVEL = 7  # a line in bold is a heading below all others

_SECTIONS = frozenset(
    ("background", "atmosphere", "effects", "image effects", "style", "composition", "setting", "lighting", "mood")
)


_Section: TypeAlias = "list[tuple[str, str | _Section]]"


def is_markdown(text: str) -> bool:
    """Whether `text` has markdown's structure: a heading, a label in bold, or two bullets."""
    bullets = 0
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        body = bullet[2] if bullet else line.strip()
        if _HEADING.match(line) or _BOLD_LINE.match(line) or _LABELLED.match(body):
            return True
        bullets += bullet is not None or _known_label(body) is not None
    return bullets > 1


def read_markdown(text: str) -> Pairs:
    """Sections by heading, bullets as list items, `**Label:** words` as pairs; paragraphs keep their order."""
    root: _Section = []
    sections: list[tuple[int, _Section]] = [(0, root)]
    bullets: list[tuple[int, _Section]] = []
    open_text = False
    joined = 0  # how many entries a section had when bullets went on with its last: 'She wears: a hat, a scarf'
    for line in text.splitlines():
        if not line.strip() or _RULE.match(line):
            open_text = False
            continue
        title = _title(line)
        if title:
            level, words = title
            while sections[-1][0] >= level:
                sections.pop()
            bullets, open_text, joined = [], False, 0
            sections.append((level, _opened(sections[-1][1], words)))
            continue
        bullet = _BULLET.match(line)
        if bullet:
            indent = len(bullet[1].expandtabs(4))
            while bullets and bullets[-1][0] >= indent:
                bullets.pop()
            place = bullets[-1][1] if bullets else sections[-1][1]
            label, words = _labelled(bullet[2])
            if label:
                bullets.append((indent, _opened(place, label)))
                if words:
                    bullets[-1][1].append(("", words))
            elif (
                place
                and not place[-1][0]
                and isinstance(before := place[-1][1], str)
                and (before.endswith(":") or len(place) == joined)
            ):
                place[-1] = ("", f"{before}{'' if before.endswith(':') else ','} {words.rstrip('.')}")
                joined = len(place)
            else:
                place.append(("", words))
            open_text = True
            continue
        body = " ".join(cell.strip() for cell in line.strip().lstrip("> ").split("|") if cell.strip())
        label, words = _labelled(body)
        place = bullets[-1][1] if bullets and line[:1].isspace() else sections[-1][1]
        if label:
            place.append((label, words))
        elif open_text and place and isinstance(place[-1][1], str):
            place[-1] = (place[-1][0], f"{place[-1][1]} {words}")
        else:
            place.append(("", words))
        open_text = True
    return _folded(root)


def _opened(place: _Section, title: str) -> _Section:
    inner: _Section = []
    place.append((title, inner))
    return inner


def _title(line: str) -> tuple[int, str] | None:
    if found := _HEADING.match(line):
        return len(found[1]), _inline(found[2]).strip("* :")
    if found := _BOLD_LINE.match(line):
        return _BOLD_LEVEL, found[1].strip(" :")
    return None


def _labelled(text: str) -> tuple[str, str]:
    """('label', 'words') of a line; the label is empty where there is none."""
    if found := _LABELLED.match(text):
        return found[1].strip(" :"), _inline(found[2])
    found = _known_label(text)
    if found:
        return found[1], _inline(found[2])
    return "", _inline(text)


def _known_label(text: str) -> re.Match[str] | None:
    found = _PLAIN_LABEL.match(text)
    known = found and (found[1].lower() in _SECTIONS or read_key(found[1]).role not in (Role.LABEL, Role.NAME))
    return found if known else None


def _inline(text: str) -> str:
    text = _LINK.sub(r"\1", text)
    return _EMPHASIS.sub(lambda found: found[1] or found[2], text).replace("\\_", "_").replace("\\*", "*")


def _folded(section: _Section) -> Pairs:
    """Each section with nothing but texts as one string or a list of strings; empty titles as nothing."""
    folded: list[tuple[str, Value]] = []
    for title, value in section:
        if isinstance(value, str):
            folded.append((title, value))
            continue
        inner = _folded(value)
        texts: list[Value] = [text for name, text in inner if not name]
        if len(texts) == len(inner):
            folded.append((title, texts[0] if len(texts) == 1 else texts))
        else:
            folded.append((title, inner))
    return Pairs(folded)
