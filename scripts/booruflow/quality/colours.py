"""Colours in a caption that contradict the tags: of hair, eyes and clothes.

Colours are sets of bits, so that a whole frame is compared at once. Only posts whose tags account for everyone are compared,
since nothing says whose hair a sentence is about: one person with one hair colour, or two with two.
"""

import functools
import operator
import re

import polars as pl

from booruflow.quality.matching import FLAGS, either, mapped, said_plainly
from booruflow.quality.people import several_people

WORDS = {
    "black": "black ebony raven jet-black",
    "white": "white snow-white ivory cream",
    "grey": "grey gray silver platinum ash ashen",
    "yellow": "yellow blonde blond golden gold amber",
    "brown": "brown brunette chestnut auburn tan beige hazel chocolate",
    "red": "red crimson scarlet maroon burgundy ruby auburn",
    "orange": "orange ginger copper amber peach",
    "pink": "pink magenta rose fuchsia salmon peach",
    "purple": "purple violet lavender lilac indigo magenta plum amethyst",
    "blue": "blue navy azure cobalt sapphire indigo",
    "aqua": "aqua cyan teal turquoise",
    "green": "green emerald olive lime mint teal hazel turquoise",
}
"""Colours and the words for them; a word between two colours stands under both."""

COLOURS = tuple(WORDS)
ANY = (1 << len(COLOURS)) - 1
MIXED = (
    *("multicolored", "multicoloured", "multi-colored", "two-tone", "two-toned", "gradient", "ombre", "streaked", "rainbow"),
    *("iridescent", "plaid", "striped", "checkered", "patterned", "print", "printed", "floral", "polka-dot", "colorful"),
    *("colourful", "split-color", "colored", "heterochromatic", "mismatched", "different"),
)
"""Words that allow any colour."""
NEIGHBOURS = (
    *("white grey", "grey black", "white yellow", "yellow brown", "yellow orange", "brown orange", "brown red", "brown black"),
    *("red orange", "red pink", "pink purple", "blue aqua", "aqua green", "blue grey"),
)
"""Pairs of colours that one person gives one name and another person the other."""

GARMENTS = {
    "dress": "dress(?:es)?|gown",
    "shirt": "(?:t-|tee-?)?shirts?",
    "skirt": "(?:mini-?)?skirts?",
    "jacket": "jackets?",
    "coat": "coats?",
    "hoodie": "hoodies?",
    "sweater": "sweaters?",
    "cardigan": "cardigans?",
    "vest": "vests?",
    "kimono": "kimonos?",
    "yukata": "yukatas?",
    "bikini": "bikinis?",
    "leotard": "leotards?",
    "bodysuit": "bodysuits?",
    "gloves": "gloves?",
    "thighhighs": "thigh-?highs|stockings",
    "pantyhose": "pantyhose|tights",
    "socks": "socks",
    "footwear": "footwear|shoes|boots|sneakers|loafers|heels|sandals",
    "pants": "pants|trousers",
    "shorts": "shorts",
    "apron": "aprons?",
    "scarf": "scarf",
    "headwear": "headwear|hat|cap|beret",
    "panties": "panties",
    "bra": "bra",
    "choker": "choker",
    "necktie": "neck-?tie|tie",
    "cape": "cape|cloak",
}
NOUNS = {"hair": "hair(?:ed)?", "eyes": "eyes|eyed"} | GARMENTS

_BITS = {
    word: sum(1 << i for i, name in enumerate(COLOURS) if word in WORDS[name].split())
    for line in WORDS.values()
    for word in line.split()
}
_BITS |= dict.fromkeys(MIXED, ANY)
_SHADES = {"dark": 1, "deep": 1, "darker": 1, "light": 2, "pale": 2, "lighter": 2, "pastel": 2}  # black, white
_ADJECTIVES = (
    "long|short|medium|shoulder-length|waist-length|straight|wavy|curly|messy|spiky|fluffy|flowing|silky|shiny|thick|big|large"
    "|small|wide|bright|vibrant|vivid|soft|round|narrow|expressive|glowing|sparkling|beautiful|striking|piercing|sleeveless|pleated"
    "|ruffled|frilly|frilled|long-sleeved|short-sleeved|knitted|knit|turtleneck|collared|button-up|school|sailor|denim|leather|lace"
    "|sheer|tight|fitted|loose|oversized|fingerless|elbow|formal"
)

_COLOUR, _SHADE = either(_BITS), either(_SHADES)
_NOUN = "|".join(NOUNS.values())
_COMPOUND = (
    "ribbon|bow|ornament|ornaments|accessory|accessories|tie|ties|clip|clips|band|pin|pins|flower|flowers|tubes?|shadow|liner|lashes|patch"
    "|shirts?|shoes|collar|sleeves?|straps?|socks|pocket|buttons?|lining|trim|hem|belt|pattern|design|bag|stand|hanger"
)
_FIRST = rf"(?:(?:{_SHADE})[ -])?(?:{_COLOUR})"
_PHRASES = (
    rf"(?i-u)\b{_FIRST}(?:(?: ?[,/&] ?| and |, and | to | )(?:{_COLOUR}|{_SHADE}|{_ADJECTIVES}))"
    r"{0,4}[ -]"
    rf"(?:{_NOUN})\b(?:[ -](?:{_COMPOUND})\b)?"
    rf"|\b(?:hair|eyes) (?:color |colour )?(?:is|are) (?:(?:{_SHADE}|{_ADJECTIVES}),? )"
    r"{0,2}"
    rf"(?:{_COLOUR})\b"
)
_TAGS = rf"(?-u)\b(?:{either([*_SHADES, *_BITS])})_(?:[a-z]+_)?(?:hair|eyes|{'|'.join(GARMENTS)})\b"
_ANY_COLOUR = (
    r"(?-u)\b(?:monochrome|greyscale|spot_color|limited_palette|sepia|comic|[0-9a-z]+koma|multiple_views|heterochromia|alternate_hair_color"
    r"|mirror|reflection|colored_inner_hair|multicolored_\w+|two-tone_\w+|gradient_\w+|streaked_hair|colored_tips|reference_sheet)\b"
)
"""Tags of posts that may have any colour."""

_ELSEWHERE = re.compile(
    r"\b(?:cats?|dogs?|wolf|wolves|fox|foxes|rabbits?|bunny|bunnies|bears?|birds?|crows?|owls?|snakes?|dragons?|horses?|pony|creatures?"
    r"|monsters?|demons?|dolls?|plush\w*|toys?|mascots?|robots?|statues?|figurines?|posters?|portraits?|paintings?|pictures?|photos?"
    r"|skulls?|masks?|pumpkins?|snowm[ae]n|ghosts?|animals?|mannequins?|mice|mouse|rats?|frogs?|toads?|lizards?|fish|sharks?|octopus|spiders?|insects?|butterfl\w+|beasts?|wings?|slimes?|puppets?|goats?|sheep|lambs?|deer|cows?|bulls?|pigs?|lions?|tigers?|monkeys?|squirrels?|hamsters?|turtles?|ducks?|chickens?|penguins?|bats?|eagles?|ravens?|parrots?|pets?|pok[eé]mon|mirror|reflection|background|avatar|hologram|another|others?|someone|somebody|second)\b"
    r"(?!['-]?(?: ?(?:ears?|tails?|girl|hood|costume|paws?|like|themed|-)))",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:no|not|without|isn't|aren't|never|instead of|rather than|unlike|than|used to|formerly|usual|usually)\b", re.IGNORECASE
)
_NOUN_AT_END = {name: re.compile(rf"(?:^|[ _-])(?:{pattern})$") for name, pattern in NOUNS.items()}


def contradicted_colours(frame: pl.DataFrame) -> pl.DataFrame:
    """Flags `colour_hair`, `colour_eyes` and `colour_clothes` of a frame of captions, as `id`, `flag` and `detail`."""
    rows = frame.filter(pl.col("people").is_in([1, 2]) & ~pl.col("general").str.contains(_ANY_COLOUR))
    tagged = (
        _phrases(rows, "general", _TAGS)
        .group_by("id", "noun")
        .agg(pl.col("mask").bitwise_or(), tags=pl.col("phrase").str.join(", "))
    )
    tagged = tagged.join(rows.select("id", "people"), on="id").filter(
        (pl.col("mask").bitwise_count_ones() == pl.col("people"))
        & ((pl.col("people") == 1) | pl.col("noun").is_in(["hair", "eyes"]))
    )
    compared = rows.filter(pl.col("id").is_in(tagged["id"].unique().implode()))
    tagged = tagged.select("id", "noun", "tags", "people", allowed=mapped(tagged["mask"], _with_neighbours, pl.Int64))
    both = _phrases(compared, "caption", _PHRASES).unique(maintain_order=True).join(tagged, on=["id", "noun"])
    both = both.with_columns(fits=pl.col("mask") & pl.col("allowed") != 0)
    # a caption that also has the tagged colour tells of several things of this kind
    fitting = both.filter(pl.col("fits") & (pl.col("people") == 1))
    wrong = both.filter(~pl.col("fits")).join(fitting, on=["id", "noun"], how="anti").join(rows.select("id", "caption"), on="id")
    flags = [
        (id_, f"colour_{noun if noun in ('hair', 'eyes') else 'clothes'}", f"{phrase} (tags: {tags})")
        for id_, noun, phrase, tags, people, caption in wrong.sort("id", "noun", "phrase")
        .select("id", "noun", "phrase", "tags", "people", "caption")
        .iter_rows()
        if not (people == 1 and several_people(caption)) and said_plainly(caption, phrase, _DENIED, _ELSEWHERE)
    ]
    return (
        pl.DataFrame(flags, schema=FLAGS, orient="row")
        .group_by("id", "flag", maintain_order=True)
        .agg(pl.col("detail").str.join("; "))
    )


def _phrases(rows: pl.DataFrame, column: str, pattern: str) -> pl.DataFrame:
    """`id`, `phrase`, `noun` and `mask` of the phrases in a text of which noun and colours are known."""
    found = rows.select("id", phrase=pl.col(column).str.extract_all(pattern)).explode("phrase").drop_nulls("phrase")
    read = mapped(found["phrase"], read_phrase, pl.Struct({"noun": pl.String, "mask": pl.Int64}))
    return found.with_columns(read.alias("read")).unnest("read").drop_nulls("noun")


def read_phrase(phrase: str) -> dict[str, str | int | None]:
    """The noun and the colours (bits) of `long blue hair`, `hair is blue`, `blue_hair`; no noun for `blue hair ribbon`.

    A dark blue may also be black, and a light one white; tags are taken by their word.
    """
    text = phrase.lower().replace("_", " ")
    head = re.match(r"(hair|eyes) (?:colou?r )?(?:is|are) ", text)
    noun = head[1] if head else next((name for name, pattern in _NOUN_AT_END.items() if pattern.search(text)), None)
    bits = _BITS if "_" in phrase else _BITS | _SHADES
    words = [part for word in re.findall(r"[a-z]+(?:-[a-z]+)*", text) for part in ([word] if word in bits else word.split("-"))]
    return {"noun": noun, "mask": functools.reduce(operator.or_, (bits.get(word, 0) for word in words), 0)}


def _with_neighbours(mask: int) -> int:
    pairs = (_bits_of(pair) for pair in NEIGHBOURS)
    return functools.reduce(operator.or_, (pair for pair in pairs if pair & mask), mask)


def _bits_of(colours: str) -> int:
    return sum(1 << COLOURS.index(name) for name in colours.split())
