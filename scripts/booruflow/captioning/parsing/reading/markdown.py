"""Reading of markdown answers into the same nested values as JSON."""

import re
from typing import TypeAlias

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.key_roles import SECTIONS, Role, read_key
from booruflow.captioning.parsing.text.grammar import has_end_mark

_HEADING = re.compile(r"\s{0,3}(#{1,6})\s++(\S.*)$")
_BOLD_LINE = re.compile(r"\s*+(?:\*\*|__)([^*_]{1,80}?):?(?:\*\*|__):?\s*+$")
_BULLET = re.compile(r"(\s*+)(?:[-*+•‣◦–]|\d{1,2}[.)])\s++(\S.*)$")
_LABELLED = re.compile(r"(?:\*\*|__)([^*]{1,80}?)\s*+(?::\s*+(?:\*\*|__)|(?:\*\*|__)\s*+[:–—-])\s*+(.*)$")
_PLAIN_LABEL = re.compile(r"([A-Z][\w' ]{1,40}):\s++(\S.*)$")
_NUMBER = re.compile(r"\d{1,2}(?:[.)]\s++|(?:\.\d{1,2})++[.)]?\s++)(?=\S)")
_RULE = re.compile(r"\s*+(?:[-*_=]\s*+){3,}+$|\s*+\|?(?:\s*+:?-{2,}+:?\s*+\|)++\s*+(?::?-++:?)?\s*+$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\w)([^*\n]+?)(?<=[\w.,!?])\*(?![\w*])|(?<!\w)_(?=\w)([^_\n]+?)(?<=[\w.,!?])_(?!\w)")
_MARKS = frozenset("#*_-+•‣◦–0123456789")  # a line that begins otherwise and has no colon is prose
_BOLD_LEVEL = 7  # a line in bold is a heading of the lowest level


class _Text:
    """A text that grows line by line."""

    def __init__(self, words: str) -> None:
        self.parts = [words]

    def __str__(self) -> str:
        return "".join(self.parts)

    @property
    def introduces(self) -> bool:
        """Whether what follows is a list: 'She wears:'."""
        return self.parts[-1].endswith(":")


_Section: TypeAlias = "list[tuple[str, _Text | _Section]]"


def is_markdown(text: str) -> bool:
    """Whether `text` has a heading, a label in bold, or two bullets."""
    bullets = 0
    for line in text.splitlines():
        if line.lstrip()[:1] not in _MARKS and ":" not in line:
            continue
        bullet = _BULLET.match(line)
        body = bullet[2] if bullet else line.strip()
        if _HEADING.match(line) or _BOLD_LINE.match(line) or _LABELLED.match(body):
            return True
        bullets += bullet is not None or _known_label(body) is not None
    return bullets > 1


def read_markdown(text: str) -> Pairs:
    """Read sections by heading, bullets as list items and `**Label:** words` as pairs; paragraphs keep their order."""
    root: _Section = []
    sections: list[tuple[int, _Section]] = [(0, root)]
    bullets: list[tuple[int, _Section]] = []
    in_text = False  # whether an unmarked line continues the text before it
    merged = 0  # length of a section after bullets were merged into its last text: 'She wears: a hat, a scarf'
    for line in text.splitlines():
        if not line.strip() or _RULE.match(line):
            in_text = False
            continue
        if heading := _heading(line):
            level, title = heading
            while sections[-1][0] >= level:
                sections.pop()
            bullets, in_text, merged = [], False, 0
            sections.append((level, _new_section(sections[-1][1], title)))
            continue
        if bullet := _BULLET.match(line):
            indent = len(bullet[1].expandtabs(4))
            while bullets and bullets[-1][0] >= indent:
                bullets.pop()
            section = bullets[-1][1] if bullets else sections[-1][1]
            label, words = _split_label(bullet[2])
            previous: _Text | _Section | None = section[-1][1] if section and not section[-1][0] else None
            if label:
                bullets.append((indent, _new_section(section, label)))
                if words:
                    bullets[-1][1].append(("", _Text(words)))
            elif isinstance(previous, _Text) and (previous.introduces or len(section) == merged) and not _is_whole(words):
                previous.parts.append(f"{'' if previous.introduces else ','} {words.rstrip('.')}")
                merged = len(section)
            else:
                section.append(("", _Text(words)))
            in_text = True
            continue
        body = " ".join(cell.strip() for cell in line.strip().lstrip("> ").split("|") if cell.strip())
        label, words = _split_label(body)
        section = bullets[-1][1] if bullets and line[:1].isspace() else sections[-1][1]
        if label:
            section.append((label, _Text(words)))
        elif in_text and section and isinstance(previous := section[-1][1], _Text):
            previous.parts.append(f" {words}")
        else:
            section.append(("", _Text(words)))
        in_text = True
    return _to_pairs(root)


def _new_section(parent: _Section, title: str) -> _Section:
    inner: _Section = []
    parent.append((title, inner))
    return inner


def _heading(line: str) -> tuple[int, str] | None:
    if found := _HEADING.match(line):
        return len(found[1]), _without_number(_without_inline_marks(found[2].rstrip().rstrip("#")).strip("* :"))
    if found := _BOLD_LINE.match(line):
        return _BOLD_LEVEL, _without_number(found[1].strip(" :"))
    return None


def _without_number(title: str) -> str:
    """A title without the number of its section: '4.1 Frame 1' becomes 'Frame 1'."""
    return _NUMBER.sub("", title, count=1) if _NUMBER.match(title) else title


def _is_whole(words: str) -> bool:
    """Whether a list item is a sentence of its own, which is not joined with the others by commas."""
    return words[:1].isupper() and has_end_mark(words)


def list_items(text: str) -> list[str]:
    """The items of a list within a text, and the lines before them; empty if no line is an item."""
    items: list[str] = []
    found, in_item = False, False
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        if bullet or not in_item:
            items += [bullet[2] if bullet else line.rstrip(": ")] if line.strip() else []
        else:
            items[-1] += f" {line.strip()}"
        found, in_item = found or bool(bullet), bool(line.strip())
    return items if found else []


def _split_label(text: str) -> tuple[str, str]:
    """Split a line into label and words; the label is empty if there is none."""
    if found := _LABELLED.match(text):
        return found[1].strip(" :"), _without_inline_marks(found[2])
    if found := _known_label(text):
        return found[1], _without_inline_marks(found[2])
    return "", _without_inline_marks(text)


def _known_label(text: str) -> re.Match[str] | None:
    found = _PLAIN_LABEL.match(text)
    known = found and (found[1].lower() in SECTIONS or read_key(found[1]).role not in (Role.LABEL, Role.NAME))
    return found if known else None


def _without_inline_marks(text: str) -> str:
    text = _LINK.sub(r"\1", text)
    return _EMPHASIS.sub(lambda found: found[1] or found[2], text).replace("\\_", "_").replace("\\*", "*")


def _to_pairs(section: _Section) -> Pairs:
    """Turn sections into pairs; a section that contains only texts becomes a string or a list of strings."""
    pairs: list[tuple[str, Value]] = []
    for title, value in section:
        if isinstance(value, _Text):
            pairs.append((title, str(value)))
            continue
        inner = _to_pairs(value)
        texts: list[Value] = [text for name, text in inner if not name]
        if len(texts) == len(inner):
            pairs.append((title, texts[0] if len(texts) == 1 else texts))
        else:
            pairs.append((title, inner))
    return Pairs(pairs)
