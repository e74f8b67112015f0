"""The number and the sex of people in a caption that contradict the tags (`1girl`, `2boys`, `no_humans`)."""

import re
from functools import lru_cache

import polars as pl

from booruflow.quality.matching import FLAGS, NEAR, mapped, said_plainly

_COUNT = r"(?-u)\b(?:(?:\d\+?|multiple_)(?:girl|boy|other)s?|solo|no_humans)(?: |$)"

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_AT_LEAST = {"several": 3, "many": 3, "various": 3, "trio": 3, "group": 3}

_FEMALE = "girl|woman|lady|schoolgirl|maid|catgirl"
_MALE = "boy|man|guy|gentleman|schoolboy"
_PEOPLE = (
    "girls|women|ladies|schoolgirls|maids|catgirls|boys|men|guys|gentlemen|schoolboys|people|characters|persons|individuals"
    "|children|teenagers|friends|humans|sisters|brothers"
)
_TOLD_OF = {
    "girls": rf"{_FEMALE}|girls|women|ladies|she|her|hers|princess|queen|witch|goddess|mother|sister|daughter|female|lesbian",
    "boys": rf"{_MALE}|boys|men|guys|gentlemen|he|him|his|prince|king|wizard|god|father|brother|son|male",
}
"""Words of captions that tell of a sex."""
_BEFORE = (
    "young|anime|little|small|cute|beautiful|adult|teenage|teen|female|male|chibi|smiling|happy|main|different|distinct|slender"
    "|tall|cartoon|animated|stylized|human|naked|nude|identical|younger|older|elegant|standing|anime-style|illustrated|cheerful"
)
_NUMBER = "two|three|four|five|six|seven|eight|nine|ten|[2-9]"
_SEVERAL = (
    rf"\b(?:{_NUMBER}|both|multiple|several|many|various|(?:pair|couple|duo|trio|group) of(?: (?:{_NUMBER}))?)"
    rf"(?: (?:of )?(?:the|these))? ?(?:(?:{_BEFORE}),? ){{0,3}}\b(?:{_PEOPLE})\b"
)
_ANY_ADJECTIVES = "(?:[a-z-]+,? ){0,3}"
_TWO = (
    rf"\b(?:and|with|beside|facing|hugging|kissing) (?:an?|another) {_ANY_ADJECTIVES}(?:{_FEMALE}|{_MALE})\b(?:'s|-)?"
    rf"|\banother (?:{_BEFORE})? ?(?:{_FEMALE}|{_MALE}|person|character)\b(?:'s|-)?"
)
"""A second person beside a first one."""
_ONE = rf"(?i-u)\b((?:an?|one|single|lone) {_ANY_ADJECTIVES}(?:{_FEMALE}|{_MALE}))\b"
_MORE = (
    rf"(?i-u)\b(?:{_NUMBER}|{_PEOPLE}|pair|couple|duo|trio|group|crowd|both|multiple|several|many|various|they|their|them|each|others?"
    r"|another|second|first|either|left|right|together|between|alongside|beside|behind|companions?|friend|partner|lovers?|someone|twins?"
    r"|figures|faces|bodies|(?:man|boy|girl|woman|person)'s|hands of)\b|(?-i:[a-z,;] [A-Z][a-z])"
)
"""Words with which a caption tells of more than one; a name inside a sentence may be a further one."""

_NOT_WHOLE = (
    r"(?-u)\b(?:solo_focus|pov|faceless_\w+|out_of_frame|head_out_of_frame|disembodied_\w+|multiple_views|multiple_persona|comic"
    r"|[0-9a-z]+koma|reflection|mirror|reference_sheet|clone|inset|photo_\(object\)|poster_\(object\)|doll|statue|crowd|people"
    r"|silhouette|variations|cutout|dual_persona)\b"
)
"""Tags of posts in which people are shown twice, in part, or as things."""
_EITHER_SEX = (
    r"(?-u)\b(?:androgynous|otoko_no_ko|trap|reverse_trap|tomboy|crossdress\w*|genderswap\w*|futa\w*|ambiguous_gender"
    r"|gender_request|newhalf)\b"
)
_NOT_SHOWN = re.compile(
    r"\b(?:no|not|without|mirror\w*|reflection|posters?|graffiti|murals?|magazines?|covers?|billboards?|banners?|canvas"
    r"|televisions?|monitors?|painted on|(?:child|kid)'s drawing|photo\w*|pictures? of|painting of|portraits?|screens?|statues?"
    r"|dolls?|figurines?|plush\w*|toys?|versions?|views?|panels?|poses|expressions?|background|watched|watching|surrounded"
    r"|silhouettes?|shadows?|printed|design|logo|imagin\w+|dream\w*|memor\w+|text|reads?|says|saying|title[ds]?|name[ds]?|as if"
    r"|like|resembl\w+|appears? to be|could|may|might|possibly|or)\b|n't\b",
    re.IGNORECASE,
)
"""Words of sentences that speak of a picture in the image, of a text or a crowd, or that deny."""


def people_counts(general: pl.Series) -> pl.Series:
    """How many people the general tags account for, 0 with `no_humans`; -1 where they do not say, or not exactly."""
    return mapped(_count_tags(general), lambda tags: sum(_people(tags)), pl.Int64)


def _count_tags(general: pl.Series) -> pl.Series:
    return general.str.extract_all(_COUNT).list.join("")


@lru_cache
def _people(tags: str) -> tuple[int, int, int]:
    """Girls, boys and others by tags such as `1boy 2girls `; (-1, 0, 0) where they do not say."""
    names = tags.split()
    counts = [[int(name[0]) for name in names if name[0].isdigit() and kind in name] for kind in ("girl", "boy", "other")]
    girls, boys, others = map(sum, counts)
    total = girls + boys + others
    vague = any("+" in name or name.startswith("multiple_") for name in names) or max(map(len, counts)) > 1
    if vague or not names or ("no_humans" in names and total) or ("solo" in names and total != 1):
        return (-1, 0, 0)
    return (girls, boys, others)


def _only_sex(tags: str) -> str | None:
    girls, boys, others = _people(tags)
    return None if others or girls < 0 else "girls" if girls and not boys else "boys" if boys and not girls else None


def several_people(caption: str) -> bool:
    """Whether a caption speaks of a number of people (two girls, a group of friends)."""
    return _SEVERAL_HERE.search(caption) is not None


_JOINED = re.compile(r"(?:and|with|beside|facing|hugging|kissing) ", re.IGNORECASE)
_PERSON_BEFORE = re.compile(
    rf"\b(?:{_FEMALE}|{_MALE}|person|figure|child|knight|cowboy|soldier|warrior|prince|princess)\b[^.!?\n]*$", re.IGNORECASE
)
_SEVERAL_HERE = re.compile(_SEVERAL, re.IGNORECASE)


def contradicted_people(frame: pl.DataFrame) -> pl.DataFrame:
    """Flags `people_number` and `people_sex` of a frame of captions, as `id`, `flag` and `detail`."""
    shown = frame.filter((pl.col("people") >= 0) & ~pl.col("general").str.contains(_NOT_WHOLE))
    rows = shown.select("id", "caption", "general", "people", sex=mapped(_count_tags(shown["general"]), _only_sex, pl.String))
    flags = [*_too_many(rows.filter(pl.col("people") > 0)), *_too_few(rows.filter(pl.col("people") != 1)), *_other_sex(rows)]
    return pl.DataFrame(flags, schema=FLAGS, orient="row").unique(["id", "flag"], keep="first", maintain_order=True)


def _too_many(rows: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Captions that speak of more people than the tags."""
    said = (
        rows.with_columns(said=pl.col("caption").str.extract_all(f"(?i-u){_SEVERAL}|{_TWO}")).explode("said").drop_nulls("said")
    )
    said = said.unique(["id", "said"], keep="first", maintain_order=True)
    return [
        (id_, "people_number", f"{phrase} (tags: {people})")
        for id_, caption, people, phrase in said.select("id", "caption", "people", "said").iter_rows()
        if _number(phrase) > people and _is_further(caption, phrase) and said_plainly(caption, phrase, _NOT_SHOWN)
    ]


def _is_further(caption: str, phrase: str) -> bool:
    """Whether what is joined (`and a girl`) is joined to a person, in the same sentence; true for other phrases."""
    position = caption.find(phrase)
    before = caption[max(0, position - NEAR) : position]
    return not _JOINED.match(phrase) or _PERSON_BEFORE.search(before) is not None


def _too_few(rows: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Captions that speak of one person and nothing more, of posts with several or none."""
    single = rows.with_columns(said=pl.col("caption").str.extract(_ONE)).drop_nulls("said")
    told = [pl.col("caption").str.contains(rf"(?i-u)\b(?:{words})\b") for words in _TOLD_OF.values()]
    single = single.filter(
        (pl.col("people") == 0) | ~(pl.col("caption").str.contains(rf"{_MORE}|(?i-u:{_TWO})") | pl.all_horizontal(told))
    )
    return [
        (id_, "people_number", f"{phrase} (tags: {people or 'no_humans'})")
        for id_, caption, people, phrase in single.select("id", "caption", "people", "said").iter_rows()
        if said_plainly(caption, phrase, _NOT_SHOWN)
    ]


def _other_sex(rows: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Captions that speak of one sex, of posts with the other one only."""
    flags = []
    for sex, contrary in (("girls", _MALE), ("boys", _FEMALE)):
        own = rows.filter((pl.col("sex") == sex) & ~pl.col("general").str.contains(_EITHER_SEX))
        silent = own.filter(~pl.col("caption").str.contains(rf"(?i-u)\b(?:{_TOLD_OF[sex]})\b"))
        phrase = pl.col("caption").str.extract(rf"(?i-u)\b((?:an?|the|one|this) {_ANY_ADJECTIVES}(?:{contrary}))\b")
        said = silent.select("id", "caption", said=phrase).drop_nulls("said")
        flags += [
            (id_, "people_sex", f"{phrase} (tags: {sex} only)")
            for id_, caption, phrase in said.iter_rows()
            if said_plainly(caption, phrase, _NOT_SHOWN)
        ]
    return flags


def _number(phrase: str) -> int:
    """How many people a phrase such as `a pair of girls` speaks of, at least."""
    if phrase.endswith(("'s", "-")):
        return 0  # a boy's shirt
    words = phrase.lower().split()
    exact = [int(word) if word.isdigit() else _NUMBERS.index(word) for word in words if word.isdigit() or word in _NUMBERS[2:]]
    return exact[0] if exact else max((_AT_LEAST[word] for word in words if word in _AT_LEAST), default=2)
