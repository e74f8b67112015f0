"""Conversion of scalars and annotations into the pieces of a paragraph."""

import re
from dataclasses import dataclass

from booruflow.captioning.parsing.annotations import TEXT_KIND, annotation_phrase, kind_phrase
from booruflow.captioning.parsing.json_values import EMPTY_WORDS, NUMBERS, WORD, is_sentence
from booruflow.captioning.parsing.key_roles import Key, Role
from booruflow.captioning.parsing.sentences import Fragment, ImageText, Piece, Sentence, with_leads
from booruflow.captioning.parsing.text.grammar import capitalized, mentions, with_article, with_full_stop
from booruflow.captioning.parsing.text.image_text import describes_image_text, looks_like_image_text


@dataclass(slots=True)
class Attribution:
    """The speaker or container of the texts in one object.

    `rendered` once a piece names it. `from_key`: named by a key of the object, instead of a value.
    """

    name: str
    speaks: bool
    rendered: bool = False
    from_key: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a value inherits from its parents.

    `key` is the key of the value. `subject` is what contains text under it ('speech bubble'); empty where prose is expected.
    """

    key: Key
    subject: str = ""
    attribution: Attribution | None = None
    depth: int = 0


_FLAGS = frozenset(("watermark", "signature", "text", "logo", "border", "censoring", "copyright"))
"""Keys for which `true` means that the image has such a thing."""
_IMAGE_TEXT_CHARACTER = re.compile(r"[\w!?！？…♥♡❤♪★☆～~]|\.\.|--|——|・・")  # text in an image may be just '!'
_NAME_WITHIN_SENTENCE = re.compile(r"(?<=\w )[A-Z]\w+")
_LONG_NAME = 300  # characters to which phrases are added to the name of an attribution
_LONG = 60  # characters from which on repeated prose is dropped, because the model repeats itself


class PieceWriter:
    """Collects pieces in reading order.

    Introductory phrases (`leads`) and attributions wait for the next piece, which renders them. Whatever comes first in
    the value is rendered first: a nested value never overtakes a lead or an attribution that it inherits.
    """

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.leads: list[str] = []  # for the next piece: 'in the first panel', 'Senko:'
        self.scene = 0  # counts values with leads of their own
        self.long_prose: set[str] = set()
        self.names: dict[str, str] = {}  # by their spelling in lower case
        self.pieces_with_names = 0  # pieces whose names are in `names`
        self.has_words = False

    def write_text(self, text: str, context: Context) -> None:
        """Add a string as text in the image, as a sentence or as a fragment that needs its label."""
        if text.lower() in EMPTY_WORDS or not (_IMAGE_TEXT_CHARACTER if context.subject else WORD).search(text):
            return
        if len(text) >= _LONG:
            if text in self.long_prose:
                return
            self.long_prose.add(text)
        self.has_words = True
        unlabelled = not context.subject and context.key.role is not Role.PEOPLE and looks_like_image_text(text)
        if unlabelled:
            context = Context(context.key, "text")
        attribution = context.attribution
        if unlabelled or (attribution and attribution.speaks) or (context.subject and not describes_image_text(text)):
            self.write_image_text(text, context)
        elif context.subject or is_sentence(text):
            self.introduce(attribution)
            self.pieces.append(Sentence(with_leads(self.take_leads(text), text)))
        else:
            key = context.key
            without_label = key.role in (Role.PLAIN, Role.PEOPLE) and key.words != "characters"
            self.pieces.append(Fragment(text, "" if without_label else key.words, self.take_leads(text)))

    def introduce(self, attribution: Attribution | None) -> None:
        """Turn an attribution that no piece has rendered yet into a lead, so that the next piece cannot overtake it."""
        if attribution and not attribution.rendered:
            attribution.rendered = True
            self.has_words |= not attribution.from_key
            self.leads.append(f"{capitalized(attribution.name)}:")

    def take_leads(self, text: str) -> list[str]:
        """Remove and return the pending leads, without those that `text` repeats anyway."""
        # a preposition, as in 'in the first panel', need not be repeated
        words = [lead if lead.endswith(":") else lead.split(" ", 1)[-1] for lead in self.leads]
        leads = [lead for lead, required in zip(self.leads, words, strict=True) if not mentions(text, required)]
        self.leads = []
        return leads

    def write_image_text(self, text: str, context: Context) -> None:
        """Add text shown in the image, attributed to its speaker or container."""
        key, attribution = context.key, context.attribution
        previous = self.pieces[-1] if self.pieces else None
        leads, self.leads = self.leads, []
        shares_sentence = (
            attribution is not None
            and isinstance(previous, ImageText)
            and not leads
            and (previous.subject, previous.scene) == (attribution.name, self.scene)
        )
        if attribution and (not attribution.rendered or shares_sentence):
            attribution.rendered = True
            piece = ImageText(text, attribution.name, attribution.speaks, leads, scene=self.scene)
        else:
            piece = ImageText(text, context.subject or "text", False, leads, scene=self.scene)
        if key.place and key.place not in piece.leads:
            piece.remarks.append(self.with_known_names(key.place))
        elif key.role in (Role.LABEL, Role.NAME, Role.MANNER, Role.KIND) and key.words:
            piece.remarks.append(f"({key.words})")
        self.pieces.append(piece)

    def with_known_names(self, place: str) -> str:
        """Capitalize words of a key that the prose so far writes with a capital within sentences."""
        for piece in self.pieces[self.pieces_with_names :]:
            self.names.update((word.lower(), word) for word in _NAME_WITHIN_SENTENCE.findall(piece.text))
        self.pieces_with_names = len(self.pieces)
        return " ".join(self.names.get(word, word) for word in place.split(" "))

    def write_number(self, value: bool | int | float, context: Context) -> None:
        """Add a number that has a label or is text in the image, or what a flag stands for."""
        key = context.key
        if isinstance(value, bool):
            noun = key.words.removeprefix("has ")
            if value and noun in _FLAGS:
                self.introduce(context.attribution)
                sentence = f"There is {noun if noun in ('text', 'censoring') else with_article(noun)}."
                self.pieces.append(Sentence(with_leads(self.take_leads(sentence), sentence)))
        elif abs(value) < 1e15:  # neither NaN nor infinite
            if context.subject and key.role in (Role.IMAGE_TEXT, Role.PLAIN):
                self.write_image_text(str(value), context)
                self.has_words = True
            elif key.role is Role.LABEL and not context.subject:
                self.pieces.append(Fragment(str(value), key.words, self.take_leads("")))

    def attach_lead(self, attribution: Attribution | None) -> None:
        """Move the last lead into the name of the pending attribution before it: 'Senko, in the top left, says ...'."""
        if attribution and not (attribution.rendered or attribution.from_key or len(attribution.name) > _LONG_NAME):
            lead = self.leads.pop()
            phrase = f"({lead[:-1]})" if lead.endswith(":") else lead
            name = attribution.name
            attribution.name = f"{name.removesuffix(',')}, {phrase}," if attribution.speaks else f"{name} {phrase}"

    def annotate(self, key: Key, text: str, subject: str, latest: Piece | None, context: Context) -> bool:
        """Attach `text` to the latest piece of its object, or to the next one; False when it is not an annotation."""
        if key.role in (Role.PLACE, Role.MANNER) and NUMBERS.fullmatch(text):
            return True
        if key.role in (Role.KIND, Role.NAME):
            return self.annotate_name(key, text, latest)
        phrase = annotation_phrase(key, text, subject, isinstance(latest, ImageText))
        if not phrase:
            return False
        self.has_words = True
        if isinstance(latest, ImageText):
            latest.remarks.append(phrase)
        elif latest is None:
            self.leads.append(phrase)
        elif not mentions(latest.text, phrase):
            it = "The character" if context.key.role is Role.PEOPLE else "It"
            self.pieces.append(Sentence(with_full_stop(f"{it} is {phrase}" if phrase[0] != "(" else phrase.strip("()"))))
        return True

    def annotate_name(self, key: Key, text: str, latest: Piece | None) -> bool:
        """Attach a kind or name: '(sound effect)' after text in the image, 'Fruit: ...' before a description."""
        if is_sentence(text) or len(text) > 60:
            return False
        text = text.rstrip(".")
        if isinstance(latest, ImageText):
            kind = text.replace("_", " ")
            kind = kind.lower() if TEXT_KIND.search(kind) else kind
            if kind not in ("text", latest.subject):
                latest.remarks.append(kind_phrase(kind))
        elif latest is not None:
            if not mentions(latest.text, text):
                return False
        else:
            self.leads.append(capitalized(text.replace("_", " ") if key.role is Role.KIND else text) + ":")
        self.has_words = True
        return True
