"""The contents of a drawn image: figures, a background, an object, lettering; and how they are chosen at random."""

import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

Colour: TypeAlias = tuple[int, int, int]
Kind: TypeAlias = Literal["girl", "boy"]
Mouth: TypeAlias = Literal["smile", "open_mouth", "frown"]
LetteringKind: TypeAlias = Literal["bubble", "caption"]

HAIR_COLOURS: dict[str, Colour] = {
    "black": (52, 48, 62),
    "brown": (128, 80, 52),
    "blonde": (250, 212, 104),
    "red": (206, 52, 50),
    "blue": (70, 124, 220),
    "green": (92, 176, 96),
    "pink": (250, 150, 190),
    "purple": (146, 96, 200),
    "white": (238, 238, 246),
}
EYE_COLOURS: dict[str, Colour] = {
    "blue": (60, 120, 230),
    "green": (50, 160, 90),
    "red": (210, 50, 60),
    "brown": (130, 80, 50),
    "purple": (140, 80, 200),
}
CLOTH_COLOURS: dict[str, Colour] = {
    "red": (214, 56, 60),
    "blue": (62, 104, 206),
    "green": (70, 156, 90),
    "yellow": (246, 208, 72),
    "pink": (248, 160, 196),
    "white": (248, 248, 250),
    "black": (58, 56, 66),
    "purple": (138, 88, 190),
}
LOWER_COLOURS: dict[str, Colour] = {name: CLOTH_COLOURS[name] for name in ("red", "blue", "white", "black")} | {
    "brown": (134, 90, 60)
}
BOW_COLOURS: dict[str, Colour] = {name: CLOTH_COLOURS[name] for name in ("red", "blue", "yellow", "pink")}
FLAT_BACKGROUNDS: dict[str, Colour] = {
    "blue": (150, 196, 246),
    "pink": (252, 204, 222),
    "yellow": (252, 236, 160),
    "green": (178, 226, 178),
    "purple": (210, 190, 240),
    "white": (252, 252, 252),
}
HAIRSTYLES = ("long_hair", "short_hair", "twintails", "ponytail", "hair_bun")
GARMENTS = ("shirt", "dress", "hoodie", "kimono")
HEADWEAR = (None, "witch_hat", "straw_hat", "beret", "crown", "bow")
MOUTHS: tuple[Mouth, ...] = ("smile", "open_mouth", "frown")
BACKGROUNDS = (
    *(f"{colour}_background" for colour in FLAT_BACKGROUNDS),
    "striped_background",
    "polka_dot_background",
    "night_sky",
    "grass",
    "sunset",
    "beach",
    "snow",
)
OBJECTS = (
    None,
    "black_cat",
    "white_cat",
    "ball",
    "red_flower",
    "yellow_flower",
    "umbrella",
    "star_(symbol)",
    "balloon",
    "heart",
    "mushroom",
    "pumpkin",
)
LETTERING_WORDS = ("HELLO", "WOW", "SUNNY", "OK", "MAGIC", "GO GO", "TEA TIME", "YES", "LUCKY", "HI", "SALE", "ZZZ")

BOX = 256
"""Side, in pixels of the final image, of the square that contains everything but the background."""
SIZES = ((256, 256), (336, 256), (256, 336), (384, 256), (256, 384))
"""Widths and heights of images; the box is at the bottom in the middle, the background fills the rest."""
SIZE_WEIGHTS = (3, 1, 1, 1, 1)


class Piece(NamedTuple):
    """A piece of clothing: `Piece("red", "hoodie")`."""

    colour: str
    kind: str


@dataclass(frozen=True)
class Figure:
    """One person in the image. `lower` is a skirt or pants, worn with a shirt or a hoodie; `bow` is the colour of a hair bow."""

    kind: Kind
    hair: str
    style: str
    eyes: str
    headwear: str | None
    garment: Piece
    name: str | None = None
    bow: str | None = None
    lower: Piece | None = None
    glasses: bool = False
    mouth: Mouth = "smile"


@dataclass(frozen=True)
class Scene:
    """Everything in an image; `side` is the position of the object (-1 left, 1 right), `size` is width and height."""

    figures: tuple[Figure, ...]
    background: str
    object: str | None
    lettering: str | None
    lettering_kind: LetteringKind | None
    artist: str
    side: Literal[-1, 1]
    size: tuple[int, int] = SIZES[0]


class ArtistStyle(NamedTuple):
    """The style of a (fictitious) artist: outline width in half pixels, outline colour, warmth of skin tones."""

    line: int
    ink: Colour
    tone: int


ARTISTS = {
    "paper_kite_studio": ArtistStyle(line=3, ink=(70, 48, 62), tone=0),
    "moth_inkwell": ArtistStyle(line=5, ink=(30, 28, 36), tone=0),
    "teal_marmot": ArtistStyle(line=3, ink=(40, 70, 92), tone=-14),
    "cocoa_wren": ArtistStyle(line=4, ink=(110, 66, 48), tone=12),
}

# fictitious characters: a fixed appearance each, so that tags co-occur as they do on a booru
CHARACTERS = {
    figure.name: figure
    for figure in (
        Figure("girl", "purple", "long_hair", "green", "witch_hat", Piece("black", "dress"), "mirelle_thornby"),
        Figure("girl", "pink", "twintails", "red", "bow", Piece("white", "shirt"), "hanako_wisterlea", bow="red"),
        Figure("girl", "blonde", "ponytail", "blue", "straw_hat", Piece("yellow", "dress"), "sunny_okabrook"),
        Figure("girl", "white", "hair_bun", "purple", None, Piece("blue", "kimono"), "yukine_farrowmere"),
        Figure("boy", "red", "short_hair", "brown", "crown", Piece("red", "hoodie"), "rufus_emberlyn"),
        Figure("boy", "blue", "short_hair", "blue", "beret", Piece("green", "hoodie"), "kento_bluefinch"),
    )
    if figure.name is not None
}


def choose_figure(rng: random.Random, taken: Collection[str | None] = ()) -> Figure:
    """A random figure; about one in five is a known character that is not among `taken`."""
    if rng.random() < 0.22:
        figure = CHARACTERS[rng.choice([name for name in CHARACTERS if name not in taken])]
    else:
        kind: Kind = rng.choice(["girl", "girl", "boy"])
        headwear = HEADWEAR[:5] if kind == "boy" else HEADWEAR
        figure = Figure(
            kind=kind,
            hair=rng.choice(list(HAIR_COLOURS)),
            eyes=rng.choice(list(EYE_COLOURS)),
            style="short_hair" if kind == "boy" else rng.choice(HAIRSTYLES),
            headwear=rng.choices(headwear, [4] + [1] * (len(headwear) - 1))[0],
            garment=Piece(rng.choice(list(CLOTH_COLOURS)), rng.choice([g for g in GARMENTS if kind == "girl" or g != "dress"])),
        )
    if figure.headwear == "bow" and figure.bow is None:
        figure = replace(figure, bow=rng.choice([colour for colour in BOW_COLOURS if colour != figure.hair]))
    if figure.garment.kind in ("shirt", "hoodie"):
        colour = rng.choice([name for name in LOWER_COLOURS if name != figure.garment.colour])
        kinds = ["pants"] if figure.kind == "boy" else ["skirt", "skirt", "pants"]
        figure = replace(figure, lower=Piece(colour, rng.choice(kinds)))
    return replace(figure, glasses=rng.random() < 0.18, mouth=rng.choices(MOUTHS, [4, 3, 1.5])[0])


def choose_scene(
    rng: random.Random,
    size: tuple[int, int] | None = None,
    pair: bool | None = None,
    lettering: bool | None = None,
    with_object: bool | None = None,
) -> Scene:
    """A random scene; size, two figures or one (`pair`), lettering and object can be fixed by arguments."""
    if pair is None:
        pair = rng.random() < 0.3
    first = choose_figure(rng)
    figures = (first, choose_figure(rng, taken=(first.name,))) if pair else (first,)
    background = rng.choice(BACKGROUNDS)
    if with_object is None:
        with_object = rng.random() < 11 / 15
    chosen_object = rng.choice(OBJECTS[1:]) if with_object else None
    artist = rng.choice(list(ARTISTS))
    if lettering is None:
        lettering = rng.random() < 0.33
    kinds: list[LetteringKind] = ["bubble", "bubble", "caption"]
    return Scene(
        figures=figures,
        background=background,
        object=chosen_object,
        artist=artist,
        lettering=rng.choice(LETTERING_WORDS) if lettering else None,
        lettering_kind=rng.choice(kinds) if lettering else None,
        side=rng.choice((-1, 1)),
        size=size or rng.choices(SIZES, SIZE_WEIGHTS)[0],
    )
