"""How well a captioner reads drawn images: its answers read back into attributes and held against the scene."""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from booruflow.demo.scene import BACKGROUNDS, CHARACTERS, CLOTH_COLOURS, GARMENTS, HAIR_COLOURS, LOWER_COLOURS, OBJECTS, Figure, Piece, Scene
from booruflow.demo.descriptions import BACKGROUND_PROSE, HEADWEAR_PROSE, MOUTH_PROSE, OBJECT_PROSE, scene_answer, title

FIGURE_ATTRIBUTES = ("hair", "style", "eyes", "headwear", "garment", "lower", "glasses", "mouth")
STYLE_WORDS = {
    "twintails": "in twintails",
    "ponytail": "in a ponytail",
    "hair_bun": "in a bun",
    "long_hair": " long ",
    "short_hair": " short ",
}


@dataclass(frozen=True)
class Accuracy:
    """`right` of `of`."""

    right: int
    of: int

    @property
    def percent(self) -> float:
        """In percent, with one decimal."""
        return round(100 * self.right / self.of, 1)


@dataclass(frozen=True)
class Reading:
    """What an answer says; `?` is something that no scene has."""

    figures: list[dict[str, object]] = field(default_factory=list)
    background: str | None = None
    object: str | None = "?"
    lettering: str | None = "?"
    side: str | None = None


def parsed(text: str) -> dict[str, Any] | None:
    """The answer, if it is a JSON object."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def read_answer(answer: Mapping[str, Any]) -> Reading:
    """What the answer says, found by plain patterns."""
    sentences = [answer.get(key) for key in ("character", "character_1", "character_2")]
    content = str(answer.get("main_content", ""))
    found = {kind for kind, prose in OBJECT_PROSE.items() if prose in content}
    background = answer.get("background")
    return Reading(
        figures=[read_figure(text) for text in sentences if isinstance(text, str)],
        background=next((kind for kind, prose in BACKGROUND_PROSE.items() if prose == background), None),
        object=next(iter(found), "?") if content else None,
        lettering=read_lettering(answer.get("texts")),
        side=next((side for side in ("left", "right") if f"on the {side}" in content), None),
    )


def read_figure(text: str) -> dict[str, object]:
    """What sentences on one figure say, named as in `FIGURE_ATTRIBUTES`, and `name`."""

    def key_of(prose: Mapping[str, str]) -> str | None:
        return next((key for key, words in prose.items() if words in text), None)

    def piece(colours: Iterable[str], kinds: Iterable[str]) -> Piece | None:
        match = re.search(rf"\b({'|'.join(colours)}) ({'|'.join(kinds)})\b", text)
        return Piece(match[1], match[2]) if match else None

    hair = re.search(rf"\b({'|'.join(HAIR_COLOURS)}) hair\b", text)
    eyes = re.search(r"(\w+) eyes\b", text)
    return {
        "hair": hair and hair[1],
        "style": key_of(STYLE_WORDS),
        "eyes": eyes and eyes[1],
        "headwear": "bow" if " bow in " in text else key_of(HEADWEAR_PROSE),
        "garment": piece(CLOTH_COLOURS, GARMENTS),
        "lower": piece(LOWER_COLOURS, ("skirt", "pants")),
        "glasses": "glasses" in text,
        "mouth": key_of(MOUTH_PROSE),
        "name": key_of({name: title(name) for name in CHARACTERS}),
    }


def read_lettering(texts: object) -> str | None:
    """The word that the answer says stands in the image."""
    if isinstance(texts, list) and texts and isinstance(texts[0], dict):
        return str(texts[0].get("text"))
    match = re.search('"(.*)"', str(texts))
    return match[1] if match else None


def score(outputs: Sequence[str], scenes: Sequence[Scene], named: Sequence[bool]) -> dict[str, Accuracy]:
    """For each attribute how many outputs tell it right; an output that is not a JSON object tells nothing right.

    `named`: whether the prompt gave the characters. Figures count apart by `solo` and `pair`; an attribute that a
    figure does not have (headwear, lower) must not be told.
    """
    right: dict[str, list[bool]] = defaultdict(list)
    for output, scene, names_given in zip(outputs, scenes, named, strict=True):
        answer = parsed(output)
        reading = read_answer(answer) if answer is not None else Reading()
        right["valid JSON"].append(answer is not None)
        right["number of figures"].append(len(reading.figures) == len(scene.figures))
        kind = "solo" if len(scene.figures) == 1 else "pair"
        for i, figure in enumerate(scene.figures):
            said = reading.figures[i] if i < len(reading.figures) else {}
            for name in FIGURE_ATTRIBUTES:
                told = name in said and said[name] == getattr(figure, name)
                right[name].append(told)
                right[f"{name}, {kind}"].append(told)
            if names_given and figure.name:
                right["name on the right figure"].append(said.get("name") == figure.name)
            elif not names_given:
                right["no names where none were given"].append(said.get("name") is None)
        right["background"].append(reading.background == scene.background)
        right["object"].append(reading.object == scene.object)
        right["lettering or none"].append((reading.lettering is None) == (scene.lettering is None))
        if scene.lettering:
            right["lettering, the word"].append(reading.lettering == scene.lettering)
        if scene.object and kind == "solo":
            right["object's side"].append(reading.side == ("right" if scene.side > 0 else "left"))
        right["whole answer"].append(answer == scene_answer(scene, names_given))
    return {name: Accuracy(sum(values), len(values)) for name, values in right.items()}


def majority_baseline(scenes: Sequence[Scene]) -> dict[str, Accuracy]:
    """What always telling the commonest value would score."""
    figures = [figure for scene in scenes for figure in scene.figures]
    values: dict[str, list[object]] = {name: [getattr(f, name) for f in figures] for name in FIGURE_ATTRIBUTES}
    values["background"] = [scene.background for scene in scenes]
    values["object"] = [scene.object for scene in scenes]
    values["lettering or none"] = [scene.lettering is None for scene in scenes]
    values["lettering, the word"] = [scene.lettering for scene in scenes if scene.lettering]
    return {name: Accuracy(Counter(seen).most_common(1)[0][1], len(seen)) for name, seen in values.items() if seen}


def contradicting_scene(scene: Scene, rng: random.Random) -> Scene:
    """The scene that wrong tags come from: hair, garment colour, background and object are all others."""

    def other(values: Iterable[str | None], value: str | None) -> str:
        return rng.choice([v for v in values if v is not None and v != value])

    def changed(figure: Figure) -> Figure:
        garment = figure.garment._replace(colour=other(CLOTH_COLOURS, figure.garment.colour))
        return replace(figure, name=None, hair=other(HAIR_COLOURS, figure.hair), garment=garment)

    return replace(
        scene,
        figures=tuple(changed(figure) for figure in scene.figures),
        background=other(BACKGROUNDS, scene.background),
        object=other(OBJECTS, scene.object),
    )


def count_followed(outputs: Sequence[str], scenes: Sequence[Scene], wrong: Sequence[Scene]) -> dict[str, dict[str, int]]:
    """For solo images with wrong tags: how often the answer follows the image, the tags, or neither."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for output, scene, told in zip(outputs, scenes, wrong, strict=True):
        reading = read_answer(parsed(output) or {})
        figure = reading.figures[0] if reading.figures else {}
        garment = figure.get("garment")
        for name, said, true, tag in (
            ("hair", figure.get("hair"), scene.figures[0].hair, told.figures[0].hair),
            (
                "garment colour",
                garment.colour if isinstance(garment, Piece) else None,
                scene.figures[0].garment.colour,
                told.figures[0].garment.colour,
            ),
            ("background", reading.background, scene.background, told.background),
            ("object", reading.object, scene.object, told.object),
        ):
            counts[name]["image" if said == true else "tags" if said == tag else "neither"] += 1
    return {name: {whom: count[whom] for whom in ("image", "tags", "neither")} for name, count in counts.items()}
