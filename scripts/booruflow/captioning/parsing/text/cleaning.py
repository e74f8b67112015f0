"""Cleaning of model output: white space, control characters, chat tokens, brackets."""

import re

from booruflow.captioning.parsing.text.grammar import capitalized, ordinal

_SUSPECT = re.compile(r"[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff\ud800-\udfff{}\[\]`\\<_*]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\ufeff\ud800-\udfff]")
_CHAT_TOKEN = re.compile(
    r"<\|box_start\|>.*?(?:<\|box_end\|>|$)|</?\|?[a-z_]{2,30}\|>|</?(?:b|i|u|br|em|strong|p|tags|characters)\s*/?>", re.S
)
_ESCAPES = {r"\n": " ", r"\r": " ", r"\t": " ", r"\"": '"', r"\'": "'", r"\/": "/"}
_ESCAPED = re.compile(r"\\[nrt](?![A-Za-z]*[\\:])|\\[\"'/]")
_TO_PARENTHESES = str.maketrans("{}[]", "()()")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_NUMBERED = re.compile(r"\b(character|person|panel|frame|speech_bubble|bubble|object|text)_(\d{1,2})\b", re.IGNORECASE)
_QUOTED_PAIR = re.compile(r'"\s*:\s*(?=["\d(])')


def clean(text: str) -> str:
    """Return `text` in the form that captions allow.

    Each run of white space becomes one space and the ends are trimmed. Control characters, lone surrogates, chat tokens
    and bold marks are removed. `{}[]` become `()`, because trainers expand braces. `character_2` becomes
    'the second character'.
    """
    if not (_SUSPECT.search(text) or "  " in text or '":' in text or '" :' in text):
        return text.strip(" ")
    text = _CONTROL.sub("", _CHAT_TOKEN.sub(" ", text))
    text = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)
    text = _BOLD.sub(r"\2", text.replace("`", "'" if text.count("`") == 1 else "")).translate(_TO_PARENTHESES)
    text = _QUOTED_PAIR.sub('", ', text)
    text = _NUMBERED.sub(_spelled_out, text)
    return " ".join(text.split())


def _spelled_out(found: re.Match[str]) -> str:
    phrase = ordinal(found[1].replace("_", " ").lower(), int(found[2]))
    before = found.string[: found.start()].rstrip()
    if before.lower().endswith((" the", "the")) and phrase.startswith("the "):
        return phrase[4:]
    return capitalized(phrase) if not before or before[-1] in ".!?" else phrase
