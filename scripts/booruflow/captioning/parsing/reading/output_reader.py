"""Reading of raw output: finds the JSON or markdown within fences and chat phrases, and decodes it."""

import json
import re
from dataclasses import replace

from booruflow.captioning.parsing.json_values import WORD, Pairs, Value, names_and_texts
from booruflow.captioning.parsing.outcome import Reason
from booruflow.captioning.parsing.reading.damaged_json import read_damaged
from booruflow.captioning.parsing.reading.incomplete_ends import Content, without_incomplete_end, without_loops
from booruflow.captioning.parsing.reading.markdown import is_markdown, read_markdown
from booruflow.captioning.parsing.text.grammar import complete_sentences
from booruflow.captioning.parsing.text.repetition import loops

_CHAT_TOKEN = re.compile(r"<\|(?:im_end|im_start|endoftext|end|eot_id)\|>(?:assistant\s)?")
_FENCE = re.compile(r"```(?:json5?|markdown|md|text|JSON)?[ \t]*")
_OPENING_PHRASE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here|below|the following|absolutely|caption|description|output|answer|json)\b"
    r"[^\n{\[]{0,200}?[:.!]\s*\Z"
    r"|[^\n{\[.]{0,120}:\s*\Z|json\s*\Z",
    re.IGNORECASE,
)
_CHAT_LINE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|absolutely|here(?:'s| is| are))\b[^\n]{0,200}?[:.!]\s*\Z", re.IGNORECASE
)
_CLOSING_PHRASE = re.compile(
    r"\W*(?:i hope|let me know|note|feel free|please|this (?:json|description|structured|format)"
    r"|if you|would you|is there|end of)\b",
    re.IGNORECASE,
)
_CHATTER_LINE = re.compile(
    r"(?:sure|certainly|of course|okay|absolutely)[,!. ][^\n]{0,200}\n\s*"
    r"|(?:here(?:'s| is| are)|below is|caption|description)\b[^\n]{0,120}:\s*",
    re.IGNORECASE,
)
_PAIR_WITHOUT_BRACE = re.compile(r"""\s*["'][\w ]{1,40}["']\s*:""")
_TRAILING_COMMA = re.compile(r",(\s*+[}\]])")
_OBJECT = re.compile(r"""(?:\[\s*+)?\{\s*+\\*+["'][^"'\n:{}\[\]\\]{1,80}+\\*+["']\s*+:""")
_NAMED_ITEM = re.compile(r"""\[\s*+["'][\w ]{1,40}+["']\s*+:""")
_OPENING_BRACKET = re.compile(r"""\{|\[(?=\s*+(?:[\\"'{}\[\]]|-?\d|\w{1,40}\s*+:|true|false|null|//|/\*|\Z))""")
_ESCAPED_OPENING = re.compile(r"""[{\[]\s*+\\+["']""")
_ESCAPED_CHARACTER = re.compile(r"((?<!\\)(?:\\\\)*)\\u(?!00[0-7])([0-9a-fA-F]{4})")  # outside of ASCII
_JSON_REMAINS = re.compile(r"""[{}\[\]]|["']\s*+:|\w_|_\w""")
_BETWEEN_VALUES = re.compile(r"[ \t\r\n,;]*")
_PARAGRAPHS = re.compile(r"\n\s*\n")
_NOT_A_SCALAR: Value = []
_decoder = json.JSONDecoder(object_pairs_hook=Pairs, strict=False)

CUT_BY_FINISH_REASON = {"length": Reason.TRUNCATED, "repetition": Reason.REPETITION}


def unwrapped(text: str) -> str:
    """Remove chat tokens, code fences and outer white space."""
    if "<|" in text:
        text = _CHAT_TOKEN.sub(" ", text)
    if "```" in text:
        text = _FENCE.sub("\n", text)
    return text.strip("\ufeff \t\r\n\x00")


def is_json(text: str) -> bool:
    """Whether an unwrapped `text` looks like JSON, or contains what looks like the beginning of an object."""
    if text[0] == text[-1] == '"' or _OPENING_BRACKET.match(text) or _PAIR_WITHOUT_BRACE.match(text):
        return True
    return _OBJECT.search(text) is not None or _NAMED_ITEM.search(text) is not None


# --- JSON


def read_json(text: str, finish_reason: str) -> Content | Reason:
    """Read an unwrapped answer for which JSON was requested; markdown is accepted too."""
    if text.startswith('"') and isinstance(inner := _read_scalar(text), str):
        return read_json(unwrapped(inner), finish_reason) if inner.lstrip()[:1] in ("{", "[") else Content(inner)
    if "\\u" in text:  # otherwise 'あいう' as escapes looks like a loop of numbers
        text = _ESCAPED_CHARACTER.sub(lambda found: found[1] + chr(int(found[2], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins surrogate pairs
    if _PAIR_WITHOUT_BRACE.match(text):
        text, start = "{" + text, 0
    else:
        opening = _OPENING_BRACKET.search(text)
        start = opening.start() if opening else -1
    before = text[: max(start, 0)].strip()
    if start < 0 or (before and is_markdown(before)):
        return _read_other(text, finish_reason)
    if _ESCAPED_OPENING.match(text, start):
        text = text.replace('\\"', '"').replace("\\'", "'")
    decoded = _decode(text, start)
    repaired = False
    if decoded is None:
        decoded = _decode(_TRAILING_COMMA.sub(r"\1", text[start:]), 0)
        repaired = decoded is not None
    loop_start = loops(text)
    cut = CUT_BY_FINISH_REASON.get(finish_reason)
    if decoded is not None:
        value, after = decoded
        if loop_start is None:
            return _whole(before, value, after, repaired, cut)
        value = _with_surrounding_prose(before, value, after)
        trimmed = without_loops(value)
        if trimmed != value:
            return Content(trimmed, True, Reason.REPETITION, trimmed)
    if loop_start is not None:
        return _read_damaged(before, text[start:loop_start], Reason.REPETITION)
    return _read_damaged(before, text[start:], cut)


def _whole(before: str, value: Value, after: str, repaired: bool, cut: Reason | None) -> Content:
    """The content of an answer whose JSON is whole: the token limit can have cut the prose after it only."""
    complete = complete_sentences(after) if cut else after
    if complete != after and not _CLOSING_PHRASE.match(after):
        value = _with_surrounding_prose(before, value, complete)
        return Content(value, True, cut, value)
    return Content(_with_surrounding_prose(before, value, after), repaired)


def _read_damaged(before: str, text: str, cut: Reason | None) -> Content | Reason:
    """Read damaged JSON; `cut` is the reason why its end may be missing."""
    damaged = read_damaged(text)
    if damaged is None or _JSON_REMAINS.search(damaged.after):
        return cut or Reason.NOT_JSON
    if not any(map(WORD.search, names_and_texts(damaged.value)[1])):
        return cut or Reason.NOT_JSON
    if not damaged.ended and cut is not Reason.REPETITION:
        return _whole(before, damaged.value, damaged.after, True, cut)
    if cut is None and not (damaged.partial or damaged.dangling):
        return Content(_with_surrounding_prose(before, damaged.value, ""), True)
    cut = cut or Reason.TRUNCATED
    content = without_incomplete_end(damaged.value, cut) if damaged.partial else Content(damaged.value, True, cut, damaged.value)
    return replace(content, value=_with_surrounding_prose(before, content.value, ""))


def _decode(text: str, position: int) -> tuple[Value, str] | None:
    """Decode the JSON values from `position` on, with the prose between them, as one value.

    Returns:
        The value and the prose after it; None when the JSON is damaged.
    """
    values: list[Value] = []
    while True:
        try:
            value, position = _decoder.raw_decode(text, position)
        except ValueError:
            return None
        values.append(value)
        if between := _BETWEEN_VALUES.match(text, position):
            position = between.end()
        if text[position : position + 1] in ("{", "["):
            continue
        following = _OBJECT.search(text, position)
        prose = text[position : following.start() if following else None]
        if prose[:1] in ('"', "}", "]", ":") or _JSON_REMAINS.search(prose):
            return None
        if following is None:
            return (values[0] if len(values) == 1 else values), prose
        values.append(prose)
        position = following.start()


def _read_scalar(text: str) -> Value:
    try:
        value: Value = json.loads(text, strict=False)
    except ValueError:
        return _NOT_A_SCALAR
    return value


def _with_surrounding_prose(before: str, value: Value, after: str) -> Value:
    """Add the prose around a value, except for phrases that address the user."""
    if not before and not after:
        return value
    *lines, last = before.split("\n")
    kept = [line for line in lines if not _CHAT_LINE.match(line)] + [last] * (not _OPENING_PHRASE.match(last))
    prose = "\n".join(kept).strip()
    first = [prose] if prose else []
    rest = [after] if WORD.search(after) and not _CLOSING_PHRASE.match(after) else []
    return [*first, value, *rest] if first or rest else value


# --- JSON within texts


def with_nested_json(value: Value) -> Value:
    """Replace each text that is JSON, or prose around JSON, by what it contains; damaged JSON stays as it is."""
    if isinstance(value, str):
        nested = _nested_value(value) if "{" in value or "[" in value else None
        return value if nested is None else with_nested_json(nested)
    if isinstance(value, Pairs):
        return Pairs((name, with_nested_json(inner)) for name, inner in value)
    return [with_nested_json(inner) for inner in value] if isinstance(value, list) else value


def _nested_value(text: str) -> Value:
    """What `text` contains, decoded; None when it contains no JSON, or only numbers."""
    text = unwrapped(text)
    if text.startswith('"') and isinstance(inner := _read_scalar(text), str):
        return inner
    if text[:1] in ("{", "["):
        decoded = _decode(text, 0)
        if decoded and not decoded[1]:
            value = decoded[0]
            return None if isinstance(value, list) and all(isinstance(item, int | float) for item in value) else value
    found = _OBJECT.search(text)
    if found is None:
        return None
    decoded = _decode(text, found.start())
    if decoded is None:
        return _nested_value(text.replace('\\"', '"')) if '\\"' in text else None
    value, after = decoded
    return _with_surrounding_prose(text[: found.start()].strip(), value, after)


# --- markdown and prose


def read_text(text: str, finish_reason: str) -> Content | Reason:
    """Read an unwrapped answer in markdown or plain prose."""
    text = _CHATTER_LINE.sub("", text, count=1) if _CHATTER_LINE.match(text) else text
    cut = CUT_BY_FINISH_REASON.get(finish_reason)
    loop_start = loops(text)
    if loop_start is not None:
        text, cut = text[:loop_start], Reason.REPETITION
    if cut is None:
        return Content(_read_prose(text))
    intact, _, last_line = text.rpartition("\n")
    kept = f"{intact}\n{complete_sentences(last_line)}".strip()
    if is_markdown(kept):
        return Content(_read_prose(kept), True, cut, read_markdown(intact))
    return Content(_read_prose(kept), True, cut, kept)


def _read_other(text: str, finish_reason: str) -> Content | Reason:
    """Read an answer without brackets where JSON was requested: markdown or a JSON scalar."""
    if is_markdown(text):
        return read_text(text, finish_reason)
    value = _read_scalar(text)
    if value is not _NOT_A_SCALAR:
        return Content(value)
    return Reason.REPETITION if loops(text) is not None else Reason.NOT_JSON


def _read_prose(text: str) -> Value:
    if is_markdown(text):
        return read_markdown(text)
    return [paragraph for paragraph in _PARAGRAPHS.split(text) if paragraph.strip()]
