"""Conversion of any JSON value into one paragraph: all prose of the model once, in its order."""

from dataclasses import replace

from booruflow.captioning.parsing.annotations import TEXT_KIND, kind_phrase, speaker_name
from booruflow.captioning.parsing.json_values import Pairs, Value, has_words, is_sentence, short_text
from booruflow.captioning.parsing.key_roles import SECTIONS, Key, Role, is_panels, read_key
from booruflow.captioning.parsing.piece_writer import Attribution, Context, PieceWriter
from booruflow.captioning.parsing.reading.markdown import list_items
from booruflow.captioning.parsing.sentences import Sentence, render, with_leads
from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import capitalized, ordinal, with_full_stop

_TEXT_ITEM_ROLES = frozenset(Role) - {Role.PEOPLE, Role.REGION, Role.LABEL}
"""Roles of the keys in an object that is one text in the image and its annotations."""


def paragraph(value: Value, max_characters: int | None) -> str:
    """Convert `value` into one paragraph; empty when it contains no words.

    Args:
        value: a decoded output; objects as `Pairs`.
        max_characters: the most characters to describe; None for all.
    """
    writer = _ValueWriter(max_characters)
    writer.write(value, Context(Key(Role.PLAIN, "")))
    return " ".join(" ".join(render(writer.pieces)).split()) if writer.has_words else ""


class _ValueWriter(PieceWriter):
    """Walks through a value in reading order."""

    def __init__(self, max_characters: int | None) -> None:
        super().__init__()
        self.max_characters = max_characters
        self.known_words: dict[int, bool] = {}  # of `has_words`

    def write(self, value: Value, context: Context) -> None:
        if isinstance(value, str):
            items: list[Value] = [*list_items(value)] if "\n" in value else []
            if items:
                self.write_list(items, context)
            else:
                self.write_text(clean(value), context)
        elif isinstance(value, Pairs):
            self.write_pairs(value, context)
        elif isinstance(value, list):
            self.write_list(value, context)
        elif value is not None:
            self.write_number(value, context)

    def write_list(self, values: list[Value], context: Context) -> None:
        if context.key.role is Role.PLACE and all(isinstance(value, int | float) for value in values):
            return
        if context.key.role is Role.PEOPLE and context.key.number is None:
            values = values[: self.max_characters]
        inner = replace(context, depth=context.depth + 1)
        panel = context.key.words.removesuffix("s") if is_panels(context.key) and len(values) > 1 else ""
        for number, value in enumerate(values, 1):
            if panel and not _names_panel(value):
                self.write_with_lead("in " + ordinal(panel, number), value, inner)
            else:
                self.write(value, inner)

    def write_with_lead(self, lead: str, value: Value, context: Context) -> None:
        """Write `value` with a lead, which is dropped if `value` contains nothing."""
        before, scene = len(self.pieces), self.scene
        self.scene += 1
        self.leads.append(lead)
        self.write(value, context)
        self.scene += 1  # what follows is outside
        if len(self.pieces) == before:
            self.leads.pop()
            self.scene = scene

    def write_pairs(self, pairs: Pairs, context: Context) -> None:
        keys = [read_key(name) for name, _ in pairs]
        roles = {key.role for key in keys}
        is_text_item = Role.IMAGE_TEXT in roles and roles <= _TEXT_ITEM_ROLES and (context.depth or Role.SPEAKER not in roles)
        subject = context.subject or ("text" if is_text_item else "")  # of annotations
        attribution: Attribution | None = None
        start, leads_before = len(self.pieces), len(self.leads)
        people, has_leads = 0, False
        for (name, value), key in zip(pairs, keys, strict=True):
            if (key.role is Role.PEOPLE and key.number is not None) or (context.key.role is Role.PEOPLE and _is_name(key)):
                people = key.number or people + 1
                if self.max_characters is not None and people > self.max_characters:
                    continue
            if key.role is Role.GEOMETRY and not has_words(value, self.known_words):
                continue
            text = short_text(value)
            latest = self.pieces[-1] if len(self.pieces) > start else None
            pending = len(self.leads)
            introduces = text and subject and latest is None
            if introduces and key.role is Role.SPEAKER and not is_sentence(text):
                if attribution:
                    self.leads.append(kind_phrase(attribution.name))
                else:
                    self.introduce(context.attribution)
                attribution = Attribution(speaker_name(text), speaks=True)
            elif introduces and key.role is Role.KIND and not (attribution or context.attribution) and TEXT_KIND.search(text):
                attribution = Attribution(text.replace("_", " ").rstrip("."), speaks=False)
            elif not (text and (subject or context.depth) and self.annotate(key, text, subject, latest, context)):
                inherited = Context(
                    context.key, subject if attribution else context.subject, attribution or context.attribution, context.depth
                )
                self.write_member(name, key, value, inherited)
            elif len(self.leads) > pending:
                self.attach_lead(attribution or context.attribution)
            has_leads |= len(self.leads) > pending
        self.scene += has_leads
        if len(self.pieces) > start:
            self.leads.clear()  # what remains are names without a description
        else:
            self.write_remainder(leads_before, attribution, context)

    def write_remainder(self, leads_before: int, attribution: Attribution | None, context: Context) -> None:
        """Write the leads and attribution of an object without other content as sentences."""
        phrases = self.leads[leads_before:]
        del self.leads[leads_before:]
        if attribution and not attribution.rendered:
            phrases.append(attribution.name)
        if phrases:
            self.has_words = True
            self.introduce(context.attribution)
            first, *others = [with_full_stop(capitalized(phrase.strip(":,"))) for phrase in phrases]
            self.pieces.append(Sentence(with_leads(self.take_leads(first), first)))
            self.pieces.extend(map(Sentence, others))

    def write_member(self, name: str, key: Key, value: Value, context: Context) -> None:
        """Write the value of one pair that does not annotate its neighbors; `context` is that of the object."""
        parent, subject, attribution = context.key, context.subject, context.attribution
        if key.role is Role.PEOPLE and key.place:
            self.leads.append(f"{key.place}:")
            key = key._replace(place="")
        elif key.role is Role.IMAGE_TEXT:
            subject = subject if subject and key.words == "text" else key.words
        elif key.role in (Role.SPEAKER, Role.PANEL, Role.GEOMETRY):
            key = Key(Role.PLAIN, key.words)
        elif parent.role is Role.PEOPLE and parent.number is None and _is_name(key):
            self.leads.append(clean(name.replace("_", " ")) + ":")
            key = Key(Role.PLAIN, "")
        elif key.role is Role.LABEL and subject and name[:1].isupper():  # a name
            key = key._replace(words=clean(name.replace("_", " ")))
            if parent.words.startswith(("dialog", "speech")):
                self.introduce(attribution)
                attribution, key = Attribution(key.words, speaks=True, from_key=True), Key(Role.PLAIN, "")
        lead = key.place if key.role is Role.REGION and not (subject and isinstance(value, str)) else ""
        inner = Context(key._replace(place="") if lead else key, subject, attribution, context.depth + 1)
        if lead:
            self.write_with_lead(lead, value, inner)
        else:
            self.write(value, inner)


def _is_name(key: Key) -> bool:
    return key.role is Role.LABEL and key.number is None and key.words not in SECTIONS


def _names_panel(value: Value) -> bool:
    return isinstance(value, Pairs) and any(read_key(name).role in (Role.PANEL, Role.REGION) for name, _ in value)
