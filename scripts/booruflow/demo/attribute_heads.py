"""Auxiliary heads that predict a scene's attributes from the vision tower's tokens; dropped after training.

A model this small, trained on captions alone, learns the grammar of the answers and ignores the image. The heads give the
vision tower a direct training signal. They pool with attention, as the language model does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from booruflow.demo import scene as scenes
from booruflow.demo.scene import Figure, Scene

FIGURE_VALUES: dict[str, Sequence[object]] = {
    "kind": ("girl", "boy"),
    "hair": tuple(scenes.HAIR_COLOURS),
    "style": scenes.HAIRSTYLES,
    "eyes": tuple(scenes.EYE_COLOURS),
    "headwear": scenes.HEADWEAR,
    "bow": tuple(scenes.BOW_COLOURS),
    "garment colour": tuple(scenes.CLOTH_COLOURS),
    "garment": scenes.GARMENTS,
    "lower colour": tuple(scenes.LOWER_COLOURS),
    "lower": ("skirt", "pants"),
    "glasses": (False, True),
    "mouth": scenes.MOUTHS,
}
SCENE_VALUES: dict[str, Sequence[object]] = {
    "figures": (1, 2),
    "background": scenes.BACKGROUNDS,
    "object": scenes.OBJECTS,
    "lettering": (None, *scenes.LETTERING_WORDS),
    "lettering kind": (None, "bubble", "caption"),
    "side": (-1, 1),
}
ATTRIBUTES = [(f"{name} {slot}", values) for slot in (1, 2) for name, values in FIGURE_VALUES.items()]
ATTRIBUTES += list(SCENE_VALUES.items())
VALUE_COUNTS = [len(values) for _, values in ATTRIBUTES]
ABSENT = -100
"""The target of an attribute that a scene does not have; cross entropy ignores it."""
# details that are small in the image get more weight
WEIGHT_BY_NAME = {"lettering": 8.0, "hair": 2.0, "mouth": 3.0, "eyes": 2.0, "style": 1.5, "object": 1.5, "garment": 1.5}
WEIGHTS = torch.tensor([WEIGHT_BY_NAME.get(name.removesuffix(" 1").removesuffix(" 2"), 1.0) for name, _ in ATTRIBUTES])


def figure_attributes(figure: Figure) -> dict[str, object]:
    """The figure's values, keyed as `FIGURE_VALUES`."""
    return {
        **{name: getattr(figure, name) for name in ("kind", "hair", "style", "eyes", "headwear", "bow", "glasses", "mouth")},
        "garment colour": figure.garment.colour,
        "garment": figure.garment.kind,
        "lower colour": figure.lower and figure.lower.colour,
        "lower": figure.lower and figure.lower.kind,
    }


def attribute_ids(scene: Scene) -> list[int]:
    """Per attribute of `ATTRIBUTES` the index of the scene's value, or `ABSENT`."""
    ids = []
    for slot in range(2):
        figure = figure_attributes(scene.figures[slot]) if slot < len(scene.figures) else {}
        ids += [index_of(figure[name], values) if figure else ABSENT for name, values in FIGURE_VALUES.items()]
    has_side = scene.object is not None or scene.lettering_kind == "bubble"
    attributes = {
        "figures": len(scene.figures),
        "background": scene.background,
        "object": scene.object,
        "lettering": scene.lettering,
        "lettering kind": scene.lettering_kind,
        "side": scene.side if has_side else None,
    }
    return ids + [index_of(attributes[name], values) for name, values in SCENE_VALUES.items()]


def index_of(value: object, values: Sequence[object]) -> int:
    """The index of a value, or `ABSENT`."""
    return values.index(value) if value in values else ABSENT


class AttributeHeads(nn.Module):
    """One linear head per attribute, on an attention-weighted average of the tokens; each attribute has its own attention."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.attention = nn.Linear(hidden, len(VALUE_COUNTS))
        self.values = nn.Linear(hidden, sum(VALUE_COUNTS))

    def forward(self, tokens: Tensor) -> list[Tensor]:
        """(images, tokens, hidden) -> per attribute the logits (images, values)."""
        attention = self.attention(tokens).softmax(1)
        values = self.values(tokens).split(VALUE_COUNTS, -1)
        return [(attention[:, :, i : i + 1] * value).sum(1) for i, value in enumerate(values)]


def attribute_loss(logits: Sequence[Tensor], ids: Tensor) -> Tensor:
    """Weighted mean of the cross entropies of all attributes; `ids` has shape (images, attributes)."""
    total = torch.zeros(())
    for i, values in enumerate(logits):
        if bool((ids[:, i] != ABSENT).any()):
            total = total + WEIGHTS[i] * functional.cross_entropy(values, ids[:, i], ignore_index=ABSENT)
    return total / WEIGHTS.sum()
