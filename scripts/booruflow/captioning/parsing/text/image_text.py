"""Distinction between text shown in an image ('SQUEEZE') and prose that describes it ('The sign reads "SQUEEZE".')."""

import re

_NOUN = (
    r"(?:texts?|words?|letter(?:s|ing)?|numbers?|bubbles?|balloons?|signs?|logos?|watermarks?|signatures?|titles?|symbols?"
    r"|kanji|hiragana|katakana|characters?|phrases?|captions?|panels?|dialogues?|effects?|onomatopoeia|corner|username"
    r"|inscriptions?|dates?|writing|name|labels?|artist|translation|subtitles?|image|picture)"
)
_VERB = (
    r"(?:is|are|reads?|reading|says?|saying|written|visible|appears?|contains?|containing|displays?|displayed|shows?|shown"
    r"|features?|translat\w+|located|present|placed|includes?|depicts?|depicted|printed|spell\w*|label\w+|signed"
    r"|indicat\w+|seen|has|have)"
)
_START = (
    r"(?:The|A|An|There|In|On|At|Texts?|No|Some|Several|Multiple|Two|Three|Four|Five|Many|Both|Each|Japanese|Korean"
    r"|Chinese|English|Russian|Speech|Thought|Sound|Above|Below|Across|All|One|Various|Near|To|Next|Behind|Under|Over"
    r"|Large|Small|Artist|Title|Watermark|Signature|Panel|First|Second|Third|Bold|Red|White|Black|Blue|Pink|Yellow"
    r"|Stylized|Handwritten|Vertical|Along|Inside|Words?|Numbers?|Copyright|Logo|This image)\b"
)
_QUOTE = r"[\"“‘'「『]"
_SUBJECT = re.compile(rf"{_START}|{_QUOTE}(?s:.)*?[\"”’'」』]")
_WHOLE_NOUN, _WHOLE_VERB = re.compile(rf"\b{_NOUN}\b"), re.compile(rf"\b{_VERB}\b")
_QUOTATION = re.compile(
    r"\"[^\"]+\"|“[^“”]+”|(?<!\w)'(?:[^']++|(?<=\w)'(?=\w))++'(?!\w)|‘[^‘’]+’|「[^「」]+」|『[^『』]+』", re.DOTALL
)
_SAYS = re.compile(
    r"\b(?:reads?|reading|says?|saying|written|translat\w+|labell?ed|titled|inscri\w+|spell\w*|signed|meaning|contains?)\b"
)
_NONE_THERE = re.compile(r"(?:There (?:is|are) no|No)\b.*\b(?:texts?|words|lettering|writing|dialogue)\b", re.IGNORECASE)
_DESCRIBED = re.compile(
    r"(?:an?|the|some|several|two|three|artist's|japanese|korean|chinese|english)\b(?:\s[\w'-]+){0,4}?"
    rf"\s{_NOUN}\s(?:in|on|at|with|above|below|near|from|that|of|saying|reading)\b",
    re.IGNORECASE,
)
_PLACED = re.compile(
    r"[^\"“‘'「『].*\s(?:in|at|on|along|near) the (?:very )?(?:top|bottom|upper|lower|left|right|cent(?:er|re)|middle"
    r"|background|foreground)\b[\w -]*\.?",
    re.DOTALL,
)
_THIRD_PERSON = re.compile(
    r"(?!.*(?:\b(?:I|[Yy]ou|[Yy]our|[Mm]y|[Ww]e|[Mm]e|[Uu]s|[Oo]ur)\b|[!?]))"
    r"(?:(?:An?|The|Several|Various|Two|Three|Some|Many|Another|There)\b|(?:\S+\s){9})"
    r".*\b(?:is|are|appears?|with|creating|adding|featuring|showing|stands|sits|wears|holds|shows|has)\b",
    re.DOTALL,
)
_OTHER_SCRIPT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MIN_DESCRIPTION_WORDS = 8


def _describes(text: str) -> bool:
    return text.count(" ") >= _MIN_DESCRIPTION_WORDS - 1 and text.endswith(".") and _THIRD_PERSON.match(text) is not None


def _is_about_text(text: str) -> bool:
    """Whether a noun for text and a verb follow the subject of `text`, in any order."""
    subject = _SUBJECT.match(text)
    if subject is None:
        return False
    nouns = [found.start() for found in _WHOLE_NOUN.finditer(text, subject.end())]
    verbs = [found.start() for found in _WHOLE_VERB.finditer(text, subject.end())] if nouns else []
    return bool(verbs) and (nouns[0] < verbs[-1] or verbs[0] < nouns[-1])


def looks_like_image_text(text: str) -> bool:
    """Whether a short `text` is unlikely to be prose: all in capitals, or all in another script."""
    if len(text) > 80:
        return False
    return (text.isupper() and text.count(" ") >= 2) or (bool(_OTHER_SCRIPT.search(text)) and not re.search("[A-Za-z]", text))


def describes_image_text(text: str) -> bool:
    """Whether `text`, given where text in the image is expected, describes that text instead of quoting it."""
    if text.isupper() or not re.search("[a-z]{2}", text):
        return False
    outside = _QUOTATION.sub("", text)
    if outside != text and _SAYS.search(outside):
        return True
    return _describes(text) or _is_about_text(text) or any(pattern.match(text) for pattern in (_NONE_THERE, _DESCRIBED, _PLACED))
