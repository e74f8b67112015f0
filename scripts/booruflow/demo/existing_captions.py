"""The existing captions of the sample, in the style of four older captioners.

All statements are true of the image. Unusual characters (line breaks, U+2028, quotes, backslashes, emoji, kanji) and the
various empty values occur in real caption tables.
"""

import random
from collections.abc import Sequence

import pyarrow as pa

from booruflow.demo.descriptions import BACKGROUND_PROSE, MOUTH_PROSE, OBJECT_PROSE, clothes_of, extras_of, hair_of, object_place
from booruflow.demo.sample_posts import UNCAPTIONED, Post
from booruflow.demo.scene import FLAT_BACKGROUNDS, Figure, Scene

COLUMNS = ("phi3v_horny", "pixtral_caption", "florence_short", "florence_long")
EMPTY_VALUES = (None, "", " ", "\n", "\t \u2028", None, None)
SYMBOLS = {
    "night_sky": "🌙",
    "grass": "☀️",
    "beach": "🌊",
    "snow": "❄️",
    "heart": "💖",
    "star_(symbol)": "⭐",
    "pumpkin": "🎃",
    "black_cat": "🐈‍⬛",
    "kimono": "着物",
    "umbrella": "傘",
    "mushroom": "きのこ",
    "balloon": "풍선",
}
"""Emoji, and words in other scripts, by tag."""


def captions_table(posts: Sequence[Post]) -> pa.Table:
    """One row per post, keyed by `index`, in shuffled order; of the posts without a caption two thirds have no row."""
    rows = [caption_row(post) for post in posts if post.number not in UNCAPTIONED or post.number % 20 == 9]
    random.Random(6).shuffle(rows)
    schema = pa.schema([("index", pa.int64()), *((column, pa.string()) for column in COLUMNS)])
    return pa.Table.from_pylist(rows, schema)


def caption_row(post: Post) -> dict[str, int | str | None]:
    """The post's texts; a random part of the columns is empty, all of them for a post without a caption."""
    rng = random.Random(post.id + 1)
    row: dict[str, int | str | None] = {"index": post.id}
    filled = rng.sample(COLUMNS, rng.choice((1, 2, 3, 4, 4))) if post.number not in UNCAPTIONED else []
    for column, write in zip(COLUMNS, (flowery, sections, short, long), strict=True):
        row[column] = write(post.scene, rng) if column in filled else rng.choice(EMPTY_VALUES)
    return row


def person(figure: Figure) -> str:
    """`a girl`, `a boy`."""
    return f"a {figure.kind}"


def people(scene: Scene) -> str:
    """`a girl with long red hair and a boy with short blue hair`."""
    return " and ".join(f"{person(figure)} with {hair_of(figure)}" for figure in scene.figures)


def backdrop(scene: Scene) -> str:
    """The background as part of a sentence: `a simple, flat blue background`."""
    prose = BACKGROUND_PROSE[scene.background].removesuffix(".")
    return prose[0].lower() + prose[1:]


def symbols(scene: Scene) -> list[str]:
    """The symbols for background, object and garments of the image."""
    names = [scene.background, scene.object, *(figure.garment.kind for figure in scene.figures)]
    return [SYMBOLS[name] for name in dict.fromkeys(names) if name in SYMBOLS]


def flowery(scene: Scene, rng: random.Random) -> str:
    """A chatty paragraph; sometimes with a backslash or symbols."""
    opening = rng.choice(("What a charming picture!", "Look at this:", "An adorable chibi drawing."))
    parts = [f"{opening} Here we have {people(scene)}"]
    for figure in scene.figures:
        extras = "".join(f" and {extra}" for extra in extras_of(figure))
        pronoun = "She" if figure.kind == "girl" else "He"
        parts.append(f"{pronoun} wears {clothes_of(figure)}{extras} and {MOUTH_PROSE[figure.mouth]}")
    if scene.object:
        parts.append(f"Do not miss {OBJECT_PROSE[scene.object]} {object_place(scene)}")
    if scene.lettering:
        parts.append(f'The lettering reads "{scene.lettering}"')
    text = ". ".join(parts) + "."
    if rng.random() < 0.3:
        text += " \\o/" if rng.random() < 0.5 else f" {' '.join(symbols(scene))}".rstrip()
    return text


def sections(scene: Scene, rng: random.Random) -> str:
    """Short lines with headings, separated by various kinds of white space."""
    lines = [f"**Subject:** {people(scene)}."]
    for figure in scene.figures:
        lines.append(f"**Clothing:** {clothes_of(figure)}; {figure.eyes} eyes, {figure.mouth.replace('_', ' ')}.")
    lines.append(f"**Setting:** {backdrop(scene)}.")
    if scene.lettering:
        lines.append(f"**Text:** “{scene.lettering}”")
    return rng.choice(("\n", "\n\n", "\r\n", "\u2028", "\t", " ")).join(lines)


def short(scene: Scene, rng: random.Random) -> str:
    """One line in lower case."""
    place = f"in front of {backdrop(scene)}"
    if scene.background.removesuffix("_background") not in FLAT_BACKGROUNDS and rng.random() < 0.5:
        place = f"standing before {backdrop(scene)}"
    ending = rng.choice(("", "", ".", "\n", "  "))
    return f"{people(scene)} {place}{ending}"


def long(scene: Scene, rng: random.Random) -> str:
    """A factual paragraph."""
    medium = rng.choice(("a digital illustration", "a cartoon drawing", "an anime-style drawing"))
    sentences = [f"The image is {medium} of {people(scene)}."]
    for i, figure in enumerate(scene.figures):
        who = "The character" if len(scene.figures) == 1 else f"The character on the {('left', 'right')[i]}"
        sentences.append(f"{who} has {figure.eyes} eyes and is wearing {clothes_of(figure)}.")
        for extra in extras_of(figure):
            sentences.append(f"{'She' if figure.kind == 'girl' else 'He'} also wears {extra}.")
    sentences.append(f"The background is {backdrop(scene)}.")
    if scene.object:
        sentences.append(f"There is {OBJECT_PROSE[scene.object]} {object_place(scene)}.")
    if scene.lettering:
        sentences.append(f"The text in the image says '{scene.lettering}'.")
    return rng.choice((" ", " ", "\n")).join(sentences)
