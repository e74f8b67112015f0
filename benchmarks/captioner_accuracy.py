"""How well a captioner describes drawn images: its answers parsed back into attributes and compared with the scene."""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from booruflow.demo.descriptions import BACKGROUND_PROSE, HEADWEAR_PROSE, MOUTH_PROSE, OBJECT_PROSE, display_name, scene_answer
from booruflow.demo.scene import (
    BACKGROUNDS,
    CHARACTERS,
    CLOTH_COLOURS,
    GARMENTS,
    HAIR_COLOURS,
    LOWER_COLOURS,
    OBJECTS,
    Figure,
    Piece,
    Scene,
)

FIGURE_ATTRIBUTES = ("hair", "style", "eyes", "headwear", "garment", "lower", "glasses", "mouth")
STYLE_PATTERNS = {
    "twintails": "in twintails",
    "ponytail": "in a ponytail",
    "hair_bun": "in a bun",
    "long_hair": " long ",
    "short_hair": " short ",
}


@dataclass(frozen=True)
class Accuracy:
    """`correct` predictions of `total`."""

    correct: int
    total: int

    @property
    def percent(self) -> float:
        """In percent, with one decimal."""
        return round(100 * self.correct / self.total, 1)


@dataclass(frozen=True)
class Prediction:
    """The attributes that an answer states; `?` is a value that no scene has."""

    figures: list[dict[str, object]] = field(default_factory=list)
    background: str | None = None
    object: str | None = "?"
    lettering: str | None = "?"
    side: str | None = None


def json_object(text: str) -> dict[str, Any] | None:
    """The answer, if it is a JSON object."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def parse_answer(answer: Mapping[str, Any]) -> Prediction:
    """The attributes that an answer states, found by the phrases of `descriptions`."""
    figures = [answer.get(key) for key in ("character", "character_1", "character_2")]
    content = str(answer.get("main_content", ""))
    objects = {kind for kind, prose in OBJECT_PROSE.items() if prose in content}
    background = answer.get("background")
    return Prediction(
        figures=[parse_figure(text) for text in figures if isinstance(text, str)],
        background=next((kind for kind, prose in BACKGROUND_PROSE.items() if prose == background), None),
        object=next(iter(objects), "?") if content else None,
        lettering=parse_lettering(answer.get("texts")),
        side=next((side for side in ("left", "right") if f"on the {side}" in content), None),
    )


def parse_figure(text: str) -> dict[str, object]:
    """`FIGURE_ATTRIBUTES` and `name` as the description of one figure states them; None where it does not."""

    def key_of(phrases: Mapping[str, str]) -> str | None:
        return next((key for key, phrase in phrases.items() if phrase in text), None)

    def piece(colours: Iterable[str], kinds: Iterable[str]) -> Piece | None:
        match = re.search(rf"\b({'|'.join(colours)}) ({'|'.join(kinds)})\b", text)
        return Piece(match[1], match[2]) if match else None

    hair = re.search(rf"\b({'|'.join(HAIR_COLOURS)}) hair\b", text)
    eyes = re.search(r"(\w+) eyes\b", text)
    return {
        "hair": hair and hair[1],
        "style": key_of(STYLE_PATTERNS),
        "eyes": eyes and eyes[1],
        "headwear": "bow" if " bow in " in text else key_of(HEADWEAR_PROSE),
        "garment": piece(CLOTH_COLOURS, GARMENTS),
        "lower": piece(LOWER_COLOURS, ("skirt", "pants")),
        "glasses": "glasses" in text,
        "mouth": key_of(MOUTH_PROSE),
        "name": key_of({name: display_name(name) for name in CHARACTERS}),
    }


def parse_lettering(texts: object) -> str | None:
    """The word that the answer reads in the image."""
    if isinstance(texts, list) and texts and isinstance(texts[0], dict):
        return str(texts[0].get("text"))
    match = re.search('"(.*)"', str(texts))
    return match[1] if match else None


def score(outputs: Sequence[str], scenes: Sequence[Scene], named: Sequence[bool]) -> dict[str, Accuracy]:
    """Accuracy per attribute; an output that is not a JSON object is wrong in everything.

    `named`: whether the prompt listed the characters. Attributes of figures are also counted separately for images with
    one figure (`solo`) and two (`pair`). Stating headwear or lower garments that a figure does not have is an error.
    """
    correct: dict[str, list[bool]] = defaultdict(list)
    for output, scene, named_prompt in zip(outputs, scenes, named, strict=True):
        answer = json_object(output)
        prediction = parse_answer(answer) if answer is not None else Prediction()
        correct["valid JSON"].append(answer is not None)
        correct["number of figures"].append(len(prediction.figures) == len(scene.figures))
        kind = "solo" if len(scene.figures) == 1 else "pair"
        for i, figure in enumerate(scene.figures):
            predicted = prediction.figures[i] if i < len(prediction.figures) else {}
            for name in FIGURE_ATTRIBUTES:
                match = name in predicted and predicted[name] == getattr(figure, name)
                correct[name].append(match)
                correct[f"{name}, {kind}"].append(match)
            if named_prompt and figure.name:
                correct["name on the right figure"].append(predicted.get("name") == figure.name)
            elif not named_prompt:
                correct["no names where none were given"].append(predicted.get("name") is None)
        correct["background"].append(prediction.background == scene.background)
        correct["object"].append(prediction.object == scene.object)
        correct["lettering or none"].append((prediction.lettering is None) == (scene.lettering is None))
        if scene.lettering:
            correct["lettering, the word"].append(prediction.lettering == scene.lettering)
        if scene.object and kind == "solo":
            correct["object's side"].append(prediction.side == ("right" if scene.side > 0 else "left"))
        correct["whole answer"].append(answer == scene_answer(scene, named_prompt))
    return {name: Accuracy(sum(values), len(values)) for name, values in correct.items()}


def majority_baseline(scenes: Sequence[Scene]) -> dict[str, Accuracy]:
    """Accuracy of always predicting the most frequent value."""
    figures = [figure for scene in scenes for figure in scene.figures]
    values: dict[str, list[object]] = {name: [getattr(f, name) for f in figures] for name in FIGURE_ATTRIBUTES}
    values["background"] = [scene.background for scene in scenes]
    values["object"] = [scene.object for scene in scenes]
    values["lettering or none"] = [scene.lettering is None for scene in scenes]
    values["lettering, the word"] = [scene.lettering for scene in scenes if scene.lettering]
    return {name: Accuracy(Counter(seen).most_common(1)[0][1], len(seen)) for name, seen in values.items() if seen}


def contradicting_scene(scene: Scene, rng: random.Random) -> Scene:
    """The scene with another hair colour, garment colour, background and object, as a source of wrong tags."""

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
    """For solo images with tags of `wrong` scenes: how often an answer follows the image, the tags, or neither."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for output, scene, tagged in zip(outputs, scenes, wrong, strict=True):
        prediction = parse_answer(json_object(output) or {})
        figure = prediction.figures[0] if prediction.figures else {}
        garment = figure.get("garment")
        for name, predicted, in_image, in_tags in (
            ("hair", figure.get("hair"), scene.figures[0].hair, tagged.figures[0].hair),
            (
                "garment colour",
                garment.colour if isinstance(garment, Piece) else None,
                scene.figures[0].garment.colour,
                tagged.figures[0].garment.colour,
            ),
            ("background", prediction.background, scene.background, tagged.background),
            ("object", prediction.object, scene.object, tagged.object),
        ):
            counts[name]["image" if predicted == in_image else "tags" if predicted == in_tags else "neither"] += 1
    return {name: {source: count[source] for source in ("image", "tags", "neither")} for name, count in counts.items()}
