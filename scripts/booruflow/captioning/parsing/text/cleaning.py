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
_BOLD = {
    mark: re.compile(r"XX(?=\S)(.+?)(?:(?<=\S)(XX)|$)".replace("XX", re.escape(mark)), re.MULTILINE) for mark in ("**", "__")
}
_NUMBERED = re.compile(r"\b(character|person|panel|frame|speech_bubble|bubble|object|text)_(\d{1,2})\b", re.IGNORECASE)
_WITH_UNDERSCORE = re.compile(r"(?<![\w@/])\w*_\w*")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_QUOTED_PAIR = re.compile(r'"\s*:\s*(?=["\d(])')


def clean(text: str) -> str:
    """Return `text` in the form that captions allow.

    Each run of white space becomes one space and the ends are trimmed. Control characters, lone surrogates, chat tokens
    and bold marks are removed, and underscores at the edges of a word: marks of emphasis, or the rest of a key. `{}[]` become
    `()`, because trainers expand braces. `character_2` becomes 'the second character'.
    """
    if not (_SUSPECT.search(text) or "  " in text or '":' in text or '" :' in text):
        return text.strip(" ")
    text = _CONTROL.sub("", _CHAT_TOKEN.sub(" ", text))
    text = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)
    text = text.replace("`", "'" if text.count("`") == 1 else "").translate(_TO_PARENTHESES)
    for mark, bold in _BOLD.items():
        if mark in text:
            text = bold.sub(_without_marks, text)
    text = " ".join(_QUOTED_PAIR.sub('", ', text).split())
    return _WITH_UNDERSCORE.sub(_without_edges, _NUMBERED.sub(_spelled_out, text)) if "_" in text else text


def _without_marks(found: re.Match[str]) -> str:
    """The words in bold; a mark that nothing closes stays, with the rest of its line."""
    return found[1] if found[2] else found[0]


def _without_edges(found: re.Match[str]) -> str:
    """A word without underscores around it; smileys and names of accounts (`T_T`, `@kuro_`) keep them."""
    word = found[0].strip("_")
    return word if _LETTERS.search(word) else found[0]


def _spelled_out(found: re.Match[str]) -> str:
    phrase = ordinal(found[1].replace("_", " ").lower(), int(found[2]))
    before = found.string[max(0, found.start() - 5) : found.start()].rstrip()
    if before.lower().endswith((" the", "the")) and phrase.startswith("the "):
        return phrase[4:]
    return capitalized(phrase) if not before or before[-1] in ".!?" else phrase
