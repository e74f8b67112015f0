"""Reading of damaged JSON: quotes within quotes, missing or doubled commas, quotes and brackets, comments, a missing end.

One pass, linear in the text: each look ahead is bounded or ends at the next character that is not white space. Every word
of the text becomes part of a name or a value, except for comments; where that is impossible the text is unreadable.
"""

import json
import re
from dataclasses import dataclass

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.text.grammar import complete_sentences


@dataclass(frozen=True, slots=True)
class Damaged:
    """What damaged JSON contains.

    `after` is the prose after it. `ended`: the text ended before the last bracket was closed. `partial`: the last text of
    `value` may be incomplete. `dangling`: the text ended after a name, before its value.
    """

    value: Value
    after: str
    ended: bool
    partial: bool
    dangling: bool


class _UnreadableError(Exception):
    """The text cannot be read as JSON without losing words."""


_QUOTED_NAME = r"""(?:"[^"\n:{}\[\]]{1,80}+"|'[^'\n:{}\[\]]{1,80}+')\s*+:"""
_HALF_QUOTED = r"""(?:["']\w[\w -]{0,60}+|\w[\w -]{0,60}+["']|\w[\w-]{0,60}+)"""
_MEMBER = rf"""(?:{_QUOTED_NAME}|{_HALF_QUOTED}\s*+:\s*+["'\[{{])"""
_COMMENT = r"//|/\*"
_DANGLING = r"""["']?[\w' -]{0,80}+["']?\s*+:?\s*+\Z"""
_DANGLING_NAME = re.compile(_DANGLING)
_STARTS_MEMBER = re.compile(_MEMBER)
_STARTS_QUOTED_MEMBER = re.compile(_QUOTED_NAME)
_ENDS_MEMBER = re.compile(
    rf"\s*+(?:[}}\]]|(?:,\s*+)++(?:{_MEMBER}|[}}\]{{]|{_COMMENT}|{_DANGLING})|{_COMMENT}|{_QUOTED_NAME}|\Z)"
)
_ENDS_ITEM = re.compile(
    rf"""\s*+(?:[}}\]]|(?:,\s*+)++(?:["'\[{{}}\]\d-]|true\b|false\b|null\b|None\b|{_COMMENT}|\Z)|{_COMMENT}|\Z)"""
    r"""|[ \t]*+\n\s*+["'\[{]"""
)
"""What follows the closing quote of a text in an object and in a list. Any other quote belongs to the text."""
_NAME = re.compile(
    r"""(?:"(?P<double>[^"\n{}\[\]]{0,200}+)"|'(?P<single>(?:[^'\n{}\[\]]|'(?=\w)){0,200})'"""
    rf"|(?P<bare>{_HALF_QUOTED}))\s*+[:=][:=\s]*+"
)
_SCALAR = re.compile(
    r"(?:(?P<number>-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?)|(?P<true>[tT]rue)|(?P<false>[fF]alse)|null|None|NaN)"
    rf"(?=\s*+(?:[,}}\]]|{_COMMENT}))"
)
_SEPARATORS = re.compile(r"(?:[\s,;]+|//[^\n]*|/\*(?:(?!/\*|\*/).)*\*/|\\[nrt])*+", re.DOTALL)
_STRAY_CLOSING = re.compile(r"[\s,;}\]]*")
_QUOTE = {quote: re.compile(rf"\\.|{quote}", re.DOTALL) for quote in "\"'"}
_BARE_END = re.compile(r"""\\.|["'}\]]|[,\n]\s*""", re.DOTALL)
_TO_ESCAPE = re.compile(r"""\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|["\\]""")


def read_damaged(text: str) -> Damaged | None:
    """Read damaged JSON that begins with `text`; None if it is unreadable."""
    reader = _Reader(text.rstrip())
    try:
        return reader.read()
    except _UnreadableError:
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.ended = self.partial = self.dangling = False

    def read(self) -> Damaged:
        values: list[Value] = []
        after = ""
        while self.skip(_SEPARATORS) and self.skip(_STRAY_CLOSING):
            if self.text[self.position] in "{[":
                values.append(self.container())
            elif _STARTS_QUOTED_MEMBER.match(self.text, self.position):
                values.append(self.members())
            else:
                after = self.text[self.position :]
                break
        return Damaged(values[0] if len(values) == 1 else values, after, self.ended, self.partial, self.dangling)

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Skip what matches `pattern`; False at the end of the text."""
        if found := pattern.match(self.text, self.position):
            self.position = found.end()
        return self.position < len(self.text)

    def container(self) -> Value:
        is_object = self.text[self.position] == "{"
        self.position += 1
        return self.members() if is_object else self.items()

    def members(self) -> Pairs:
        """Read an object from behind its opening brace to behind its closing one."""
        pairs: list[tuple[str, Value]] = []
        while self.skip(_SEPARATORS):
            character = self.text[self.position]
            if character in "}]":
                self.position += character == "}"  # before the bracket of an outer list, the brace is missing
                return Pairs(pairs)
            if character in "{[":
                pairs.append(("", self.container()))
                continue
            name = _NAME.match(self.text, self.position)
            if name is None or name.end() == len(self.text):
                if name is None and not _DANGLING_NAME.match(self.text, self.position):
                    raise _UnreadableError
                self.position, self.dangling = len(self.text), True
                break
            self.position = name.end()
            pairs.append(
                (_unescaped(name["double"] or name["single"] or (name["bare"] or "").strip("\"'")), self.value(in_list=False))
            )
        self.ended = True
        return Pairs(pairs)

    def items(self) -> list[Value]:
        """Read a list from behind its opening bracket to behind its closing one."""
        values: list[Value] = []
        while self.skip(_SEPARATORS):
            character = self.text[self.position]
            if character in "}]":
                self.position += character == "]"
                return values
            has_name = character in "\"'" and _STARTS_QUOTED_MEMBER.match(self.text, self.position)
            values.append(self.members() if has_name else self.value(in_list=True))
        self.ended = True
        return values

    def value(self, *, in_list: bool) -> Value:
        character = self.text[self.position]
        if character in "{[":
            return self.container()
        if character in "\"'":
            self.position += 1
            return self.quoted_text(character, in_list)
        if character in ",}]":
            return None
        if scalar := _SCALAR.match(self.text, self.position):
            self.position = scalar.end()
            if number := scalar["number"]:
                return float(number) if set(number) & set(".eE") else int(number)
            return True if scalar["true"] else False if scalar["false"] else None
        return self.bare_text(in_list)

    def quoted_text(self, quote: str, in_list: bool) -> str:
        """Read a text from behind its opening quote to behind its closing one."""
        start, ends = self.position, _ENDS_ITEM if in_list else _ENDS_MEMBER
        for found in _QUOTE[quote].finditer(self.text, start):
            end = found.start()
            if found[0] != quote:
                continue
            if ends.match(self.text, end + 1):
                return self.text_until(end, end + 1)
            if not in_list and _STARTS_QUOTED_MEMBER.match(self.text, end):  # the closing quote is missing
                while end > start and self.text[end - 1].isspace():
                    end -= 1
                if self.text[end - 1] == "," or "\n" in self.text[end : found.start()]:
                    return self.text_until(end - (self.text[end - 1] == ","), end)
        return self.text_until(len(self.text), len(self.text))

    def bare_text(self, in_list: bool) -> str:
        """Read a text without an opening quote."""
        ends = _ENDS_ITEM if in_list else _ENDS_MEMBER
        for found in _BARE_END.finditer(self.text, self.position):
            character = found[0][0]
            if (
                character in "}]"
                or (character in "\"'" and ends.match(self.text, found.end()))
                or (character in ",\n" and (in_list or _STARTS_MEMBER.match(self.text, found.end())))
            ):
                return self.text_until(found.start(), found.end() if character in "\"'" else found.start())
        return self.text_until(len(self.text), len(self.text))

    def text_until(self, end: int, after: int) -> str:
        text = _unescaped(self.text[self.position : end])
        self.position = after
        if after == len(self.text):
            self.partial = end == after or complete_sentences(text) != text
        return text


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    escaped = _TO_ESCAPE.sub(lambda found: found[0] if found[1] else "\\" + found[0], text)
    decoded: str = json.loads(f'"{escaped}"', strict=False)
    return decoded
