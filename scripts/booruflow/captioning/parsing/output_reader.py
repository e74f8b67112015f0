"""Reading of raw output: finds the JSON or markdown within fences and chat phrases, and decodes it."""

import json
import re
from dataclasses import replace

from booruflow.captioning.parsing.json_values import Pairs, Value
from booruflow.captioning.parsing.markdown import is_markdown, read_markdown
from booruflow.captioning.parsing.outcome import Reason
from booruflow.captioning.parsing.repair import Content, repair_json, without_loops
from booruflow.captioning.parsing.text.grammar import complete_sentences
from booruflow.captioning.parsing.text.repetition import loops

_CHAT_TOKEN = re.compile(r"<\|(?:im_end|im_start|endoftext|end|eot_id)\|>(?:assistant\s)?")
_FENCE = re.compile(r"```(?:json5?|markdown|md|text|JSON)?[ \t]*")
_OPENING_PHRASE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here|below|the following|absolutely|caption|description|output|answer|json)\b"
    r"[^\n{\[]{0,200}?[:.!]\s*\Z"
    r"|[^\n{\[]{0,120}:\s*\Z|json\s*\Z",
    re.IGNORECASE,
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
_PAIR_WITHOUT_BRACE = re.compile(r'\s*"[\w ]{1,40}"\s*:')
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_OBJECT = re.compile(r"""[{\[]\s*["'][\w ]{1,40}["']\s*:""")
_JSON_REMAINS = re.compile(r"""[{}\[\]]|["']\s*:""")
_NOT_A_SCALAR: Value = []
_decoder = json.JSONDecoder(object_pairs_hook=Pairs, strict=False)

_CUT_BY_FINISH_REASON = {"length": Reason.TRUNCATED, "repetition": Reason.REPETITION}


def unwrapped(text: str) -> str:
    """Remove chat tokens, code fences and outer white space."""
    if "<|" in text:
        text = _CHAT_TOKEN.sub(" ", text)
    if "```" in text:
        text = _FENCE.sub("\n", text)
    return text.strip("\ufeff \t\r\n\x00")


def contains_object(text: str) -> bool:
    """Whether `text` contains what looks like the beginning of a JSON object."""
    return _OBJECT.search(text) is not None


def read_json(text: str, finish_reason: str) -> Content | Reason:
    """Read an unwrapped answer for which JSON was requested; markdown is accepted too."""
    if text.startswith('"') and isinstance(inner := _read_scalar(text), str):
        return read_json(unwrapped(inner), finish_reason) if inner.lstrip()[:1] in ("{", "[") else Content(inner)
    start = min((position for position in (text.find("{"), text.find("[")) if position >= 0), default=-1)
    if _PAIR_WITHOUT_BRACE.match(text):
        text, start = "{" + text, 0
    before = text[: max(start, 0)].strip()
    if start < 0 or (before and is_markdown(before)):
        return _read_other(text, finish_reason)
    decoded = _decode(text[start:])
    repaired = False
    if decoded is None:
        decoded = _decode(_TRAILING_COMMA.sub(r"\1", text[start:]))
        repaired = decoded is not None
    loop_start = loops(text)
    if decoded is not None:
        value, after = decoded
        value = _with_surrounding_prose(before, value, after)
        if loop_start is None:
            return Content(value, repaired)
        trimmed = without_loops(value)
        if trimmed != value:
            return Content(trimmed, True, Reason.REPETITION, trimmed)
    if loop_start is not None:
        content = repair_json(text[start:loop_start], Reason.REPETITION)
    else:
        content = repair_json(text[start:], _CUT_BY_FINISH_REASON.get(finish_reason))
    return content if isinstance(content, Reason) else replace(content, value=_with_surrounding_prose(before, content.value, ""))


def read_text(text: str, finish_reason: str) -> Content | Reason:
    """Read an unwrapped answer in markdown or plain prose."""
    text = _CHATTER_LINE.sub("", text, count=1) if _CHATTER_LINE.match(text) else text
    cut = _CUT_BY_FINISH_REASON.get(finish_reason)
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


def _read_scalar(text: str) -> Value:
    try:
        value: Value = json.loads(text, strict=False)
    except ValueError:
        return _NOT_A_SCALAR
    return value


def _read_prose(text: str) -> Value:
    if is_markdown(text):
        return read_markdown(text)
    return [paragraph for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _decode(text: str) -> tuple[Value, str] | None:
    """Decode all JSON values at the start of `text` as one, and return the rest too; None when the JSON is damaged."""
    values: list[Value] = []
    while True:
        try:
            value, end = _decoder.raw_decode(text)
        except ValueError:
            return None
        values.append(value)
        text = text[end:].lstrip(" \t\r\n,;")
        if text[:1] not in ("{", "["):
            if text[:1] in ('"', "}", "]", ":") or _JSON_REMAINS.search(text):
                return None
            return (values[0] if len(values) == 1 else values), text


def _with_surrounding_prose(before: str, value: Value, after: str) -> Value:
    """Add the prose around a value, except for phrases that address the user."""
    first = [before] if before and not _OPENING_PHRASE.match(before) else []
    last = [after] if after and not _CLOSING_PHRASE.match(after) else []
    return [*first, value, *last] if first or last else value
