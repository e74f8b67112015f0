"""Any JSON value as pieces of a caption: every piece of prose once, in the model's order."""

import re
from dataclasses import dataclass, replace

from booruflow.captioning.parsing.keys import Key, Role, is_panels, read_key
from booruflow.captioning.parsing.lettering import is_prose, looks_lettered
from booruflow.captioning.parsing.pieces import Fragment, Lettering, Piece, Sentence, led, say
from booruflow.captioning.parsing.values import NOTHING, NUMBERS, WORD, Pairs, Value, has_words, is_sentence, json_within, word_of
from booruflow.captioning.parsing.words import article, capital, clean, lowered, mentions, numbered, quoted, stopped, where


@dataclass(slots=True)
class _Source:
    """Who says the lettering of one object, or what it stands in, and whether a sentence has said so."""

    name: str
    speaks: bool
    said: bool = False
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class _Context:
    """What a value inherits: its key, what lettering under it stands in ('' where prose is due), its source, the depth."""

    key: Key
    subject: str = ""
    source: _Source | None = None
    depth: int = 0


_LETTERED = re.compile(
    r"\b(?:texts?|bubble|balloon|box|sign|signature|title|watermark|sounds?|effects?|sfx|onomatopoeia|dialog|dialogue|speech"
    r"|thought|narration|caption|logo|label|credit|banner|subtitle|letters?|lettering|poster|copyright|shout|whisper)\b",
    re.IGNORECASE,
)
_HOLDS = re.compile(r"\b(?:bubble|balloon|box)$")
_SHOWN = frozenset(("watermark", "signature", "text", "logo", "border", "censoring", "copyright"))
_SAYS_SOMETHING = re.compile(r"[\w!?！？…♥♡❤♪★☆～~]|\.\.|--|——|・・")  # lettering may be a mere '!'
_LONG = 60  # from this length on, the same prose a second time is the model repeating itself
# An object with nothing but these is one piece of lettering and what is said about it.
_ITEM = frozenset(Role) - {Role.PEOPLE, Role.REGION, Role.LABEL}


def paragraph_of(value: Value, max_characters: int | None) -> str:
    """`value` as one paragraph; empty when it holds no words.

    Args:
        value: what was read; objects as `Pairs`.
        max_characters: describe at most so many characters; None describes all.
    """
    writer = _Writer(max_characters)
    writer.write(value, _Context(Key(Role.PLAIN, "")))
    return " ".join(" ".join(say(writer.pieces)).split()) if writer.worded else ""


class _Writer:
    def __init__(self, max_characters: int | None) -> None:
        self.max_characters = max_characters
        self.pieces: list[Piece] = []
        self.leads: list[str] = []  # said by the next piece: 'in the first panel', 'Senko:'
        self.scene = 0  # counts the values with leads of their own
        self.long_prose: set[str] = set()
        self.worded = False

    def write(self, value: Value, context: _Context) -> None:
        if isinstance(value, str):
            inner = json_within(value)
            if inner is None:
                self.text(clean(value), context)
            else:
                self.write(inner, context)
        elif isinstance(value, Pairs):
            self.pairs(value, context)
        elif isinstance(value, list):
            self.items(value, context)
        elif value is not None:
            self.number(value, context)

    # --- leaves

    def text(self, text: str, context: _Context) -> None:
        if text.lower() in NOTHING or not (_SAYS_SOMETHING if context.subject else WORD).search(text):
            return
        if len(text) >= _LONG:
            if text in self.long_prose:
                return
            self.long_prose.add(text)
        self.worded = True
        lettered = not context.subject and context.key.role is not Role.PEOPLE and looks_lettered(text)
        if lettered:
            context = _Context(context.key, "text")
        source = context.source
        if lettered or (source and source.speaks) or (context.subject and not is_prose(text)):
            self.lettering(text, context)
        elif context.subject or is_sentence(text):
            self.lead_with(source)
            self.pieces.append(Sentence(led(self.unsaid(text), text)))
        else:
            key = context.key
            bare = key.role in (Role.PLAIN, Role.PEOPLE) and key.words != "characters"
            self.pieces.append(Fragment(text, "" if bare else key.words, self.unsaid(text)))

    def lead_with(self, source: _Source | None) -> None:
        """Make a source that no sentence has named the lead of the next one, so that nothing within it goes first."""
        if source and not source.said:
            source.said = True
            self.worded |= not source.keyed
            self.leads.append(f"{capital(source.name)}:")

    def unsaid(self, text: str) -> list[str]:
        """The leads that are due and that `text` does not say itself."""
        names = [lead if lead.endswith(":") else lead.split(" ", 1)[-1] for lead in self.leads]  # 'in', 'at' need not be said
        leads = [lead for lead, name in zip(self.leads, names, strict=True) if not mentions(text, name)]
        self.leads = []
        return leads

    def lettering(self, text: str, context: _Context) -> None:
        key = context.key
        source, before = context.source, self.pieces[-1] if self.pieces else None
        if source and (not source.said or (isinstance(before, Lettering) and self.goes_on(before, source))):
            source.said = True
            piece = Lettering(text, source.name, source.speaks, self.leads, scene=self.scene)
        else:
            piece = Lettering(text, context.subject or "text", False, self.leads, scene=self.scene)
        self.leads = []
        if key.place and key.place not in piece.leads:
            piece.remarks.append(self.cased(key.place))
        elif key.role in (Role.LABEL, Role.NAME, Role.MANNER, Role.KIND) and key.words:
            piece.remarks.append(f"({key.words})")
        self.pieces.append(piece)

    def goes_on(self, before: Lettering, source: _Source) -> bool:
        """Whether the next lettering shares the sentence of the one before it."""
        return not self.leads and (before.subject, before.scene) == (source.name, self.scene)

    def cased(self, place: str) -> str:
        """`place`, taken from a key, with the names in it written as the prose before it writes them."""
        said = {word.lower(): word for piece in self.pieces for word in re.findall(r"(?<=\w )[A-Z]\w+", piece.text)}
        return " ".join(said.get(word, word) for word in place.split(" "))

    def number(self, value: bool | int | float, context: _Context) -> None:
        key = context.key
        if isinstance(value, bool):
            noun = key.words.removeprefix("has ")
            if value and noun in _SHOWN:
                self.lead_with(context.source)
                there = f"There is {noun if noun in ('text', 'censoring') else article(noun)}."
                self.pieces.append(Sentence(led(self.unsaid(there), there)))
        elif abs(value) < 1e15:  # neither NaN nor endless
            if context.subject and key.role in (Role.LETTERING, Role.PLAIN):
                self.lettering(str(value), context)
                self.worded = True
            elif key.role is Role.LABEL and not context.subject:
                self.pieces.append(Fragment(str(value), key.words, self.unsaid("")))

    # --- containers

    def items(self, values: list[Value], context: _Context) -> None:
        if context.key.role is Role.PLACE and all(isinstance(value, int | float) for value in values):
            return
        if context.key.role is Role.PEOPLE and context.key.number is None:
            values = values[: self.max_characters]
        inner = replace(context, depth=context.depth + 1)
        panel = context.key.words.removesuffix("s") if is_panels(context.key) and len(values) > 1 else ""
        for number, value in enumerate(values, 1):
            if panel and not _names_panel(value):
                self.with_lead("in " + numbered(panel, number), value, inner)
            else:
                self.write(value, inner)

    def with_lead(self, lead: str, value: Value, context: _Context) -> None:
        """Write `value` under a lead, which is dropped when `value` says nothing."""
        before, scene = len(self.pieces), self.scene
        self.scene += 1
        self.leads.append(lead)
        self.write(value, context)
        self.scene += 1  # what follows is elsewhere
        if len(self.pieces) == before:
            self.leads.pop()
            self.scene = scene

    def pairs(self, pairs: Pairs, context: _Context) -> None:
        keys = [read_key(name) for name, _ in pairs]
        roles = {key.role for key in keys}
        item = Role.LETTERING in roles and roles <= _ITEM and (context.depth or Role.SPEAKER not in roles)
        annotated = context.subject or ("text" if item else "")  # what annotations remark on
        source: _Source | None = None
        start, leads_before = len(self.pieces), len(self.leads)
        people, opened = 0, False
        for (name, value), key in zip(pairs, keys, strict=True):
            if (key.role is Role.PEOPLE and key.number is not None) or (context.key.role is Role.PEOPLE and _is_name(key)):
                people = key.number or people + 1
                if self.max_characters is not None and people > self.max_characters:
                    continue
            if key.role is Role.GEOMETRY and not has_words(value):
                continue
            word = word_of(value)
            latest = self.pieces[-1] if len(self.pieces) > start else None
            pending = len(self.leads)
            first = word and annotated and latest is None
            if first and key.role is Role.SPEAKER and not is_sentence(word):
                if source:
                    self.leads.append(_as_kind(source.name))
                else:
                    self.lead_with(context.source)
                source = _Source(_speaker(word), True)
            elif first and key.role is Role.KIND and not (source or context.source) and _LETTERED.search(word):
                source = _Source(word.replace("_", " ").rstrip("."), False)
            elif not (word and (annotated or context.depth) and self.annotate(key, word, annotated, latest, context)):
                subject = annotated if source else context.subject
                self.under(name, key, value, _Context(context.key, subject, source or context.source, context.depth))
            elif (owner := source or context.source) and not (owner.said or owner.keyed) and len(self.leads) > pending:
                aside = self.leads.pop()
                aside = f"({aside[:-1]})" if aside.endswith(":") else aside
                owner.name = f"{owner.name.removesuffix(',')}, {aside}," if owner.speaks else f"{owner.name} {aside}"
            opened |= len(self.leads) > pending
        self.scene += opened
        if len(self.pieces) > start:
            self.leads.clear()  # what is left are names without a description
            return
        unsaid = [*self.leads[leads_before:], *([source.name] if source and not source.said else [])]
        del self.leads[leads_before:]
        if unsaid:
            self.worded = True
            self.lead_with(context.source)
            first, *others = [stopped(capital(words.strip(":,"))) for words in unsaid]
            self.pieces.append(Sentence(led(self.unsaid(first), first)))
            self.pieces.extend(map(Sentence, others))

    def under(self, name: str, key: Key, value: Value, context: _Context) -> None:
        """Write the value of one pair that is no annotation of its neighbours."""
        parent, subject, source = context.key, context.subject, context.source
        if key.role is Role.LETTERING:
            subject = subject if subject and key.words == "text" else key.words
        elif key.role in (Role.SPEAKER, Role.PANEL, Role.GEOMETRY):
            key = Key(Role.PLAIN, key.words)
        elif key.role is Role.LABEL and parent.role is Role.PEOPLE and parent.number is None and _is_name(key):
            self.leads.append(clean(name.replace("_", " ")) + ":")
            key = Key(Role.PLAIN, "")
        elif key.role is Role.LABEL and subject and name[:1].isupper():  # a name
            key = key._replace(words=clean(name.replace("_", " ")))
            if parent.words.startswith(("dialog", "speech")):
                self.lead_with(source)
                source, key = _Source(key.words, True, keyed=True), Key(Role.PLAIN, "")
        lead = key.place if key.role is Role.REGION and not (subject and isinstance(value, str)) else ""
        inner = _Context(key._replace(place="") if lead else key, subject, source, context.depth + 1)
        if lead:
            self.with_lead(lead, value, inner)
        else:
            self.write(value, inner)

    def annotate(self, key: Key, word: str, subject: str, latest: Piece | None, context: _Context) -> bool:
        """Take `word` as a remark on its neighbour, before it or after it; False when it is none."""
        if key.role in (Role.PLACE, Role.MANNER) and NUMBERS.fullmatch(word):
            return True
        if key.role in (Role.KIND, Role.NAME):
            return self.name(key, word, latest)
        remark = _remark(key, word, subject, isinstance(latest, Lettering))
        if not remark:
            return False
        self.worded = True
        if isinstance(latest, Lettering):
            latest.remarks.append(remark)
        elif latest is None:
            self.leads.append(remark)
        elif not mentions(latest.text, remark):
            it = "The character" if context.key.role is Role.PEOPLE else "It"
            self.pieces.append(Sentence(stopped(f"{it} is {remark}" if remark[0] != "(" else remark.strip("()"))))
        return True

    def name(self, key: Key, word: str, latest: Piece | None) -> bool:
        """A kind or a name: '(sound effect)' after lettering, 'Fruit: ...' before a description that does not say so."""
        if is_sentence(word) or len(word) > 60:
            return False
        word = word.rstrip(".")
        if isinstance(latest, Lettering):
            kind = word.replace("_", " ")
            kind = kind.lower() if _LETTERED.search(kind) else kind
            if kind not in ("text", latest.subject):
                latest.remarks.append(_as_kind(kind))
        elif latest is not None:
            if not mentions(latest.text, word):
                return False
        else:
            self.leads.append(capital(word.replace("_", " ") if key.role is Role.KIND else word) + ":")
        self.worded = True
        return True


# --- what a value is


def _is_name(key: Key) -> bool:
    return key.role is Role.LABEL and key.number is None


def _names_panel(value: Value) -> bool:
    return isinstance(value, Pairs) and any(read_key(name).role in (Role.PANEL, Role.REGION) for name, _ in value)


def _speaker(word: str) -> str:
    word = word.rstrip(".,:")
    return (
        word
        if word[:1].isupper() or mentions(word.split(" ")[0], "the")
        else capital(f"the {word}" if word[:1].islower() else word)
    )


def _as_kind(kind: str) -> str:
    return f"in {article(kind)}" if _HOLDS.search(kind) else f"({kind})"


def _remark(key: Key, word: str, subject: str, after: bool) -> str:
    """How an annotation is said beside its neighbour; empty when it is none."""
    if key.role is Role.PANEL:
        return _panel(word, key.words.split(" ")[0])
    bare = word.rstrip(".")
    short = len(word) < 80 and not is_sentence(word)
    if key.role is Role.PLACE:
        return where(word) or (f"({bare})" if after and short else "")
    if not subject:
        return ""
    if key.role is Role.SPEAKER:
        return f"said by {lowered(_speaker(bare))}" if after and short else ""
    if key.role is Role.TRANSLATION:
        return f"(which translates to {quoted(word)})" if after else f"translated as {quoted(word)}"
    if key.role is Role.LANGUAGE:
        return f"in {bare}" if short else ""
    if key.role is Role.MANNER:
        return f"({key.words}: {bare})" if after and len(word) < 80 else ""
    return ""


def _panel(word: str, noun: str) -> str:
    if word.isdigit():
        return "in " + numbered(noun, int(word))
    if mentions(word, noun):
        return where(word)
    return where(f"{lowered(word)} {noun}") if len(word.split()) <= 3 else ""
