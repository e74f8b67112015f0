"""What disqualifies an output whatever its form: endless repetition and refusals."""

import re
from collections import Counter

# A loop is at least COPIES copies in a row that fill at least STRETCH characters. A shout of 'HA HA HA HA' or the same
# lettering a few times is shorter; a sound answer does not say the same 40 characters four times running.
COPIES = 4
STRETCH = 160
COUNTED_COPIES = 10  # copies that differ in their digits, as in `"text_11": "the", "text_12": "the"`
_PERIOD = 1500  # the longest unit looked for, in characters
_PROBE = 24  # characters that must come back at the period's distance before it is worth measuring
_STRIDE = 40  # a stretch of STRETCH characters holds at least two probes
_SENTENCE = re.compile(r"[^.!?。！？]{24,}[.!?。！？]")
_SAME_SENTENCE = 6  # the same sentence this often anywhere in the text is a loop too
_DIGITS = {ord(digit): "0" for digit in "123456789"}  # `text_11`, `text_12`, ... loop as `text_00`

_REFUSAL = re.compile(
    r"""\W*(?:
    (?:i['’]?m|i\ am)\ (?:very\ |really\ |so\ )?(?:sorry|afraid|unable|not\ able|not\ comfortable)\b
    | (?:sorry|apologies|my\ apologies|unfortunately)\b[,.]?\ (?:but\ )?(?:i\b|this\ image\ cannot)
    | i\ (?:can['’]?t|can\ ?not|won['’]?t|will\ not|must\ decline|do\ not|don['’]?t)\ (?:be\ able\ to\ |to\ |feel\ comfortable\ )?
      (?:assist|help|describ|provid|fulfil|creat|comply|generat|engag|continu|do\ that|view|see|process|analy[sz]
      |caption|discuss)\w*
    | i\ apologi[sz]e\b
    | as\ an\ (?:ai|artificial\ intelligence|assistant)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def loops(text: str) -> int | None:
    """Where `text` begins to repeat itself without end: the index just after the first copy; None when it does not.

    A loop is the same unit (a word, a sentence, a JSON entry) at least `COPIES` times in a row
    over at least `STRETCH` characters, or one sentence six times anywhere. Made for generated text of some thousand
    characters, whole or still growing: tens of microseconds on a sound one.
    """
    even = text.translate(_DIGITS) if len(text) >= STRETCH else ""
    for here in range(0, len(even) - STRETCH // 2, _STRIDE):
        again = even.find(even[here : here + _PROBE], here + 1, here + _PERIOD + _PROBE)
        if again < 0:
            continue
        period = again - here
        start, end = here, again + _PROBE
        while start and even[start - 1] == even[start - 1 + period]:
            start -= 1
        while end < len(even) and even[end] == even[end - period]:
            end += 1
        exact = text[start + period : end] == text[start : end - period]
        if end - start >= max(STRETCH, (COPIES if exact else COUNTED_COPIES) * period):
            return start + period
    return _sentence_again(text) if len(text) >= STRETCH else None


def _sentence_again(text: str) -> int | None:
    counts = Counter(_SENTENCE.findall(text))
    often = [sentence for sentence, count in counts.items() if count >= _SAME_SENTENCE]
    return min(text.find(sentence) + len(sentence) for sentence in often) if often else None


def refuses(text: str) -> bool:
    """Whether `text` opens by declining to describe the picture; the same words quoted further on do not count."""
    return text[:1] not in "\"“'‘「" and _REFUSAL.match(text) is not None
