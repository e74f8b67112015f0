"""The role of a key in the model's JSON, derived from the words in its name."""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import ordinal
from booruflow.captioning.parsing.text.places import place_phrase


class Role(Enum):
    """What the value of a key contains. A neighbor is another value of the same object."""

    GEOMETRY = auto()  # coordinates, confidences, ids: not for captions
    PLACE = auto()  # location of a neighbor
    PANEL = auto()  # panel that contains a neighbor
    SPEAKER = auto()  # who says a neighbor
    TRANSLATION = auto()  # a neighbor in English
    LANGUAGE = auto()  # language of a neighbor
    KIND = auto()  # what kind of thing a neighbor is
    NAME = auto()  # name of a neighbor
    MANNER = auto()  # appearance or sound of text in the image
    IMAGE_TEXT = auto()  # text in the image, or prose about it
    PEOPLE = auto()  # descriptions of characters
    REGION = auto()  # content of one part of the image: `top_panel`, `1st_frame`
    PLAIN = auto()  # anything; the key adds no information: `description`
    LABEL = auto()  # anything else; the key is a label for the value


class Key(NamedTuple):
    """A parsed key: its role, words, number (`character_2`), and the phrase for the place, or the name of the person, in it."""

    role: Role
    words: str
    number: int | None = None
    place: str = ""


_ROLES: dict[Role, str] = {
    Role.GEOMETRY: "bbox,bbox 2d,bboxes,bounding box,bounding boxes,bound box,box,box 2d,coordinates,coordinate,coords,"
    "position coordinates,polygon,points,point,x,y,w,h,x1,y1,x2,y2,xmin,ymin,xmax,ymax,x min,y min,x max,y max,width,"
    "height,id,index,idx,confidence,score,probability,rotation,angle degrees,font size,text size,z index,rect,"
    "rectangle,mask,order,number,no,num",
    Role.PLACE: "location,position,placement,place,area,region,side,located,where,positioning,location in image,"
    "position in image,text location,text position",
    Role.PANEL: "panel,frame,panel number,frame number,page,page number,panel id,in panel",
    Role.SPEAKER: "speaker,said by,spoken by,speaker name,character,speaking character,who,person,source,from,by,"
    "character name,attributed to,speaker id,said,owner",
    Role.TRANSLATION: "translation,english translation,translated text,translated,translation en,meaning,"
    "text translation,translation english,english meaning,translates to,approximate translation",
    Role.LANGUAGE: "language,lang,script,text language",
    Role.KIND: "type,kind,category,text type,bubble type,role,class",
    Role.NAME: "name,label,object,item,character name,object name,subject name,element",
    Role.MANNER: "color,colour,font,font style,style,text color,text style,font color,emotion,tone,format,effect,case,"
    "orientation,direction,appearance,bubble style,bubble shape,shape,volume,transliteration,romanization,romaji,"
    "font size,size,context,purpose,intent,note,notes,delivery,formatting",
    Role.PLAIN: "description,descriptions,desc,content,contents,main content,caption,captions,summary,details,detail,"
    "image,picture,image description,picture description,overall,overall description,general,general description,"
    "answer,output,result,response,json,data,value,other,others,misc,additional details,additional info,information,"
    "info,short description,long description,full description,detailed description,scene description,text description,"
    "items,list,entries,structured description,scene,visual description,prompt,overview",
}
_BY_WORDS = {words: role for role, names in reversed(_ROLES.items()) for words in names.split(",")}

_PEOPLE = re.compile(
    r"(?:(?:main|other|secondary|background|side|minor|additional|central|male|female) )?"
    r"(?:characters?|persons?|people|figures?|girls?|boys?|wom[ae]n|m[ae]n|subjects?|individuals?)(?: descriptions?| details?)?"
)
_NAMED_PERSON = re.compile(r"\s*(character|person)\s*(\d{1,2})?\s*[(:]\s*([^()]{1,60}?)\s*\)?\s*", re.IGNORECASE)
_IMAGE_TEXT = re.compile(
    r"\b(?:texts?|bubbles?|balloons?|dialogues?|dialogs?|speech|speeches|lettering|letters|writings?|sfx|onomatopoeia|"
    r"sound effects?|"
    r"transcriptions?|quotes?|lines?|words|inscriptions?|subtitles?|narration|sayings?|messages?|transcripts?|ocr|original)\b"
)
_PANELS = re.compile(r"\b(?:panels?|frames?|pages?|komas?)\b")
_REGION = re.compile(
    r"(?:(?:the|in|on|at|far|very|upper|lower|top|bottom|left|right|middle|center|central|centre"
    r"|first|second|third|fourth|fifth|sixth|last|final"
    r"|\d+(?:st|nd|rd|th)?|hand|most|main|large|small|inset) )*"
    r"(?:panels?|frames?|pages?|corner|side|half|section|top|bottom|left|right|middle|center|centre|edge)"
    r"(?: (?:left|right|center|centre|middle))?"
    r"(?: (?:panel|frame|page|corner|side|half|section))?"
)
_JUST_TEXT = frozenset(
    (
        *("texts", "text content", "text contents", "texts content", "text in image", "text list", "text elements", "all text"),
        *("transcription", "transcriptions", "transcript", "transcripts", "ocr", "words", "lines", "line", "letters"),
        *("original", "message", "messages", "quote", "quotes", "visible text", "dialogue lines"),
    )
)
_NTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_PLACE_AFTER = re.compile(
    r"^(.*?\b(?:texts?|bubbles?|words?|lettering|dialogue|sfx|sound effect|writing))(?: ?\d*)? "
    r"((?:in|on|at|under|above|below|near|next|beside|behind|over|inside|between|to|top|bottom|left|right|upper|lower|center|middle)"
    r"\b.*)$"
)
_LANGUAGE = re.compile(r"\b(japanese|korean|chinese|english|russian|french|german|spanish|italian|thai|latin)\b")
_NUMBERED_PANEL = re.compile(r"\s*(frame|panel|page)\s*(\d{1,2})\s*[(:,–—-]+\s*([^()]{1,60})\)?\s*", re.IGNORECASE)
_MAX_LENGTH = 200  # a longer name is prose
SECTIONS = frozenset(
    ("background", "atmosphere", "effects", "image effects", "style", "composition", "setting", "lighting", "mood")
)
"""Usual labels of sections."""


@lru_cache(65536)
def read_key(name: str) -> Key:
    """Parse the name of a key; `speech_bubble_1`, `speechBubble1` and 'Speech Bubble 1' are equal."""
    if len(name) > _MAX_LENGTH:
        return Key(Role.LABEL, " ".join(clean(name).split("_")))
    spaced = clean(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " "))
    number: int | None = None
    if found := _NAMED_PERSON.fullmatch(spaced):  # 'character_1 (Hatsune Miku)'
        return Key(Role.PEOPLE, found[1].lower(), int(found[2]) if found[2] else None, found[3])
    if found := _NUMBERED_PANEL.fullmatch(spaced):  # 'Frame 1 (top left)'
        words, number = found[1].lower(), int(found[2])
        return Key(Role.REGION, words, number, f"in {ordinal(words, number)} ({found[3].strip().lower()})")
    words = " ".join(re.sub(r"[^\w']|_", " ", spaced).split()).lower()
    if found := re.fullmatch(r"(.*?[^\d\s])\s?(\d{1,3})", words):
        words, number = found[1], int(found[2])
    if words.isdigit():
        return Key(Role.PLAIN, "", int(words) if len(words) < 4 else None)
    label = _capitalize_languages(words)
    if number is None and (role := _BY_WORDS.get(words)):
        return Key(role, label)
    if _PEOPLE.fullmatch(words):
        return Key(Role.PEOPLE, label, number)
    if _REGION.fullmatch(words):
        return Key(Role.REGION, label, number, _region_phrase(words, number))
    if found := _PLACE_AFTER.match(words):
        return Key(Role.IMAGE_TEXT, _subject(found[1]), number, place_phrase(found[2]))
    if _IMAGE_TEXT.search(words) and not _PANELS.search(words):
        return Key(Role.IMAGE_TEXT, _subject(words), number)
    if role := _BY_WORDS.get(words):
        return Key(role if role not in (Role.GEOMETRY, Role.PANEL) else Role.LABEL, label, number)
    return Key(Role.LABEL, label, number)


def _capitalize_languages(words: str) -> str:
    return _LANGUAGE.sub(lambda found: found[1].capitalize(), words)


def _subject(words: str) -> str:
    """Return what contains the text under such a key, in the singular: 'speech bubble', 'Japanese text'."""
    words = _capitalize_languages(words)
    if words in _JUST_TEXT:
        return "text"
    return words if words.endswith(("ss", "lines", "words", "letters")) else words.removesuffix("s").strip()


def _region_phrase(words: str, number: int | None) -> str:
    if number is not None:
        return "in " + ordinal(words, number)
    if words.removesuffix("s") in ("frame", "page", "panel"):
        return ""
    words = re.sub(r"^(?:in|on|at) (?:the )?", "", words)
    return place_phrase(_NTH.sub(lambda found: ordinal("", int(found[1])).removeprefix("the ").strip(), words))


def is_panels(key: Key) -> bool:
    """Whether the value of `key` is a list of panels."""
    return key.role is Role.REGION and not key.place and key.words.endswith("s")


def is_usual_name(name: str) -> bool:
    """Whether models use `name` as the name of a key: one with a role, or the label of a section."""
    key = read_key(name)
    return key.role is not Role.LABEL or key.words in SECTIONS
