"""From raw output to a value: fences, chatter, damaged JSON, and the broken end of an output that was cut or looped."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

import json_repair

from booruflow.captioning.parsing.judging import loops
from booruflow.captioning.parsing.keys import Role, read_key
from booruflow.captioning.parsing.markdown import is_markdown, read_markdown
from booruflow.captioning.parsing.values import Pairs, Value
from booruflow.captioning.parsing.words import to_last_stop


class Reason(StrEnum):
    """Why an output is no caption."""

    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    REPETITION = "repetition"
    REFUSAL = "refusal"
    EMPTY = "empty"
    WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an output says. `broken` says why its end was dropped; then `whole` is what stands before the last part kept."""

    value: Value
    repaired: bool = False
    broken: Reason | None = None
    whole: Value = None


_CHAT_TOKEN = re.compile(r"<\|(?:im_end|im_start|endoftext|end|eot_id)\|>(?:assistant\s)?")
_FENCE = re.compile(r"```(?:json5?|markdown|md|text|JSON)?[ \t]*")
_OPENING = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here|below|the following|absolutely|caption|description|output|answer|json)\b"
    r"[^\n{\[]{0,200}?[:.!]\s*\Z"
    r"|[^\n{\[]{0,120}:\s*\Z|json\s*\Z",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\W*(?:i hope|let me know|note|feel free|please|this (?:json|description|structured|format)"
    r"|if you|would you|is there|end of)\b",
    re.IGNORECASE,
)
_CHATTER_LINE = re.compile(
    r"(?:sure|certainly|of course|okay|absolutely)[,!. ][^\n]{0,200}\n\s*"
    r"|(?:here(?:'s| is| are)|below is|caption|description)\b[^\n]{0,120}:\s*",
    re.IGNORECASE,
)
_BARE_PAIR = re.compile(r'\s*"[\w ]{1,40}"\s*:')
_SPACES = re.compile(r"\\[nrt]|\\u[0-9a-fA-F]{4}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSED = re.compile(r"""["']\s*[,}\]]""")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
OBJECT = re.compile(r"""[{\[]\s*["'][\w ]{1,40}["']\s*:""")
_DEBRIS = re.compile(r"""[{}\[\]]|["']\s*:""")
_STRUCTURE = re.compile(r"""\s*[:,]|.*?(?:"\s*:\s*["\[{\d]|["'][\]}]?\s*,\s*"?\w+"?\s*:|[{\[]\s*"\w+"\s*:)""", re.DOTALL)
_SNAKE = re.compile(r"\b[a-z]+(?:_[a-z\d]*)+")
_WORD = re.compile(r"\w")
_NO_SCALAR: Value = []
_decoder = json.JSONDecoder(object_pairs_hook=Pairs, strict=False)


def bare(text: str) -> str:
    """`text` without chat tokens, fences and the white space around it."""
    if "<|" in text:
        text = _CHAT_TOKEN.sub(" ", text)
    if "```" in text:
        text = _FENCE.sub("\n", text)
    return text.strip("\ufeff \t\r\n\x00")


def read_json(text: str, finish_reason: str) -> Reading | Reason:
    """Read a JSON answer from bare text; markdown in its place is understood too."""
    if text.startswith('"') and isinstance(inner := _scalar(text), str):
        return read_json(bare(inner), finish_reason) if inner.lstrip()[:1] in ("{", "[") else Reading(inner)
    start = min((found for found in (text.find("{"), text.find("[")) if found >= 0), default=-1)
    if _BARE_PAIR.match(text):
        text, start = "{" + text, 0
    lead = text[: max(start, 0)].strip()
    if start < 0 or (lead and is_markdown(lead)):
        return _read_other(text, finish_reason)
    sound = _sound(text[start:])
    mended = False
    if sound is None:
        sound = _sound(_TRAILING_COMMA.sub(r"\1", text[start:]))
        mended = sound is not None
    if sound is not None:
        value, tail = sound
        value = _with_chatter(lead, value, tail)
        begin = loops(text)
        if begin is None:
            return Reading(value, mended)
        trimmed = _without_loops(value)
        if trimmed != value:
            return Reading(trimmed, True, Reason.REPETITION, trimmed)
        return _mended(lead, text[start:begin], Reason.REPETITION)
    begin = loops(text)
    if begin is not None:
        return _mended(lead, text[start:begin], Reason.REPETITION)
    reasons = {"length": Reason.TRUNCATED, "repetition": Reason.REPETITION}
    return _mended(lead, text[start:], reasons.get(finish_reason))


def read_text(text: str, finish_reason: str) -> Reading | Reason:
    """Read a markdown or plain answer from bare text."""
    text = _CHATTER_LINE.sub("", text, count=1) if _CHATTER_LINE.match(text) else text
    broken = {"length": Reason.TRUNCATED, "repetition": Reason.REPETITION}.get(finish_reason)
    begin = loops(text)
    if begin is not None:
        text, broken = text[:begin], Reason.REPETITION
    if broken is None:
        return Reading(_plain(text))
    head, _, last = text.rpartition("\n")
    kept = f"{head}\n{to_last_stop(last)}".strip()
    if is_markdown(kept):
        return Reading(_plain(kept), True, broken, read_markdown(head))
    return Reading(_plain(kept), True, broken, kept)


def _read_other(text: str, finish_reason: str) -> Reading | Reason:
    """An answer without braces where JSON was asked for: markdown, or a JSON scalar."""
    if is_markdown(text):
        return read_text(text, finish_reason)
    value = _scalar(text)
    if value is not _NO_SCALAR:
        return Reading(value)
    return Reason.REPETITION if loops(text) is not None else Reason.NOT_JSON


def _scalar(text: str) -> Value:
    try:
        value: Value = json.loads(text, strict=False)
    except ValueError:
        return _NO_SCALAR
    return value


def _plain(text: str) -> Value:
    if is_markdown(text):
        return read_markdown(text)
    return [paragraph for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _sound(text: str) -> tuple[Value, str] | None:
    """The JSON values at the start of `text`, as one, and what follows them; None when the JSON is damaged."""
    values: list[Value] = []
    while True:
        try:
            value, end = _decoder.raw_decode(text)
        except ValueError:
            return None
        values.append(value)
        text = text[end:].lstrip(" \t\r\n,;")
        if text[:1] not in ("{", "["):
            if text[:1] in ('"', "}", "]", ":") or _DEBRIS.search(text):
                return None
            return (values[0] if len(values) == 1 else values), text


def _with_chatter(lead: str, value: Value, tail: str) -> Value:
    """`value` between the prose around it; what the model only said to its user is dropped."""
    before = [lead] if lead and not _OPENING.match(lead) else []
    after = [tail] if tail and not _CLOSING.match(tail) else []
    return [*before, value, *after] if before or after else value


def _mended(lead: str, text: str, broken: Reason | None) -> Reading | Reason:
    try:
        value = _paired(json_repair.loads(text, skip_json_loads=True))
    except ValueError:
        return Reason.NOT_JSON
    if not isinstance(value, list | Pairs) or not value or _loses(text, value, broken):
        return broken or Reason.NOT_JSON
    if not any(map(_WORD.search, _texts(value, names=False))):
        return broken or Reason.NOT_JSON
    closed = _closes(text, value)
    if broken is None and not closed:
        broken = Reason.TRUNCATED
    if broken is None:
        return Reading(_with_chatter(lead, value, ""), True)
    kept, whole = (value, value) if closed else (_without_tail(value), _without_last(value))
    return Reading(_with_chatter(lead, kept, ""), True, broken, whole)


def _closes(text: str, value: Value) -> bool:
    """Whether the last text of `value` was finished when `text` ended."""
    if text.rstrip(" \t\r\n,").endswith(("}", "]")):
        return True
    last = _last_text(value)
    found = text.rfind(last[-12:]) if last else -1
    rest = text[found + len(last[-12:]) :].lstrip() if found >= 0 else ""
    return _CLOSED.match(rest) is not None or (rest in ('"', "'") and to_last_stop(last) == last)


def leaks(value: Value) -> bool:
    """Whether a text of a mended `value` holds what was its structure: `", "background": "`, or a key's name."""
    return any(
        ('"' in text and _STRUCTURE.match(text))
        or text.startswith((":", ","))
        or any(read_key(name).role is not Role.LABEL for name in _SNAKE.findall(text))
        for text in _texts(value, names=False)
    ) or any('"' in name or "\n" in name for name in _names(value))


def _names(value: Value) -> list[str]:
    if isinstance(value, Pairs):
        return [name for outer, inner in value for name in (outer, *_names(inner))]
    return [name for inner in value for name in _names(inner)] if isinstance(value, list) else []


def _paired(value: object) -> Value:
    if isinstance(value, dict):
        return Pairs((str(name), _paired(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [_paired(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _loses(text: str, value: Value, broken: Reason | None) -> bool:
    """Whether mending lost words: json_repair keeps the last of two equal keys, and skips what it cannot place."""
    written = len(_WORD.findall(_SPACES.sub(" ", text)))
    kept = sum(len(_WORD.findall(_SPACES.sub(" ", part))) for part in _texts(value))
    return written - kept > (max(30, written // 25) if broken or not text.endswith(("}", "]")) else 5)


def _texts(value: Value, names: bool = True) -> list[str]:
    if isinstance(value, Pairs):
        return [text for name, inner in value for text in ([name] * names + _texts(inner, names))]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner, names)]
    return [str(value)]


def _last_text(value: Value) -> str:
    while isinstance(value, list | Pairs) and value:
        value = value[-1][1] if isinstance(value, Pairs) else value[-1]
    return value.strip() if isinstance(value, str) else ""


def _without_tail(value: Value) -> Value:
    """`value` with its last text cut back to its last whole sentence, and nothing where no sentence is whole."""
    if isinstance(value, str):
        return to_last_stop(value) or None
    if isinstance(value, Pairs) and value:
        name, last = value[-1]
        kept = _without_tail(last)
        return Pairs([*value[:-1], *([(name, kept)] if kept is not None else [])]) or None
    if isinstance(value, list) and value:
        kept = _without_tail(value[-1])
        return [*value[:-1], *([kept] if kept is not None else [])] or None
    return None


def _without_last(value: Value) -> Value:
    """`value` without its last entry, looking through wrappers of one entry."""
    while isinstance(value, list | Pairs) and len(value) == 1:
        value = value[0][1] if isinstance(value, Pairs) else value[0]
    if isinstance(value, Pairs):
        return Pairs(value[:-1])
    return value[:-1] if isinstance(value, list) else None


def _without_loops(value: Value) -> Value:
    """`value` with each text that loops cut back to its last whole sentence before the loop."""
    if isinstance(value, str):
        begin = loops(value)
        return value if begin is None else to_last_stop(value[:begin])
    if isinstance(value, Pairs):
        return Pairs((name, _without_loops(inner)) for name, inner in value)
    return [_without_loops(inner) for inner in value] if isinstance(value, list) else value
