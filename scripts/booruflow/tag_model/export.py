"""The folder a trained model is handed out as: weights, form, tags, card."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.tag_model.model import ModelConfig, TagSetModel
from booruflow.tag_model.sets import Vocabulary
from booruflow.tag_model.vectors import read_lines

MODEL_TYPE = "booruflow-tag-set"
CARD = """\
---
library_name: pytorch
tags: [tag-embedding, feature-extraction]
---

# A tag-set model

It turns a set of tags into one vector of {dimensions} numbers, for an image model to condition on or for a search for
similar posts. The order of the tags does not matter. {nested}

| | |
|---|---|
| tokens | {tags:,}, in {categories} categories |
| layers, heads, width | {layers}, {heads}, {width} |
| parameters | {parameters:,} |
| training sets | {training_sets:,} |
{figures}
- `model.safetensors`, `config.json`: the weights (32-bit) and the form of the model.
- `tags.tsv`: id, name, category and count of each tag; the row is the row of the embedding.
{tokenizer}
```python
import torch
from booruflow.tag_model.export import load_model
from booruflow.tag_model.model import Sets{imports}

model, vocabulary = load_model("this/folder")
{ids}
with torch.inference_mode():
    vectors = model(Sets(torch.tensor(ids), torch.tensor([0, len(ids)])))  # [1, {dimensions}]
    scores = model.scores(vectors, {dimensions})  # [1, {tags}]
```

What it knows is which tags people put together, with their habits and gaps: it never saw an image.
"""

TOKENIZER = "- `vocab.txt`, `vocab.json`, `tokenizer_config.json`: the tokenizer, whose ids are those of the tags.\n"
TOKENIZED = """\
tokenizer = TagTokenizer.from_pretrained("this/folder")
ids = vocabulary.tags_among(tokenizer.encode("{example}"))"""
NAMED = 'ids = [vocabulary.ids[name] for name in "{example}".split()]'


def save_model(
    folder: Path,
    model: TagSetModel,
    vocabulary: Vocabulary,
    training_sets: int,
    figures: dict[str, float],
    tokenized: bool = False,
) -> None:
    """Write `model.safetensors`, `tags.tsv`, `README.md` and, last, `config.json`.

    Args:
        folder: where to; made if it is missing.
        model: a trained model.
        vocabulary: its tags.
        training_sets: how many sets it learned from, for the card.
        figures: validation figures, for the card.
        tokenized: whether the folder holds a tokenizer too, for the card.
    """
    weights = {name: weight.contiguous().cpu() for name, weight in model.state_dict().items()}
    with open_whole(folder / "model.safetensors") as file:
        file.write(save(weights, metadata={"format": "pt"}))
    write_text(folder / "tags.tsv", tags_text(vocabulary))
    form = model.config
    example = " ".join(vocabulary.names[tag] for tag in np.argsort(-vocabulary.counts, kind="stable")[:2])
    card = CARD.format(
        dimensions=form.nested[-1],
        nested="".join(f"The first {size} numbers are a vector of their own. " for size in form.nested[:-1]).strip(),
        tags=len(vocabulary),
        categories=len(vocabulary.categories),
        layers=form.layers,
        heads=form.heads,
        width=form.width,
        parameters=sum(weight.numel() for weight in model.parameters()),
        training_sets=training_sets,
        figures="".join(f"| validation {name} | {value:.3f} |\n" for name, value in figures.items()),
        tokenizer=TOKENIZER if tokenized else "",
        imports="\nfrom booruflow.tokens.tokenizer import TagTokenizer" if tokenized else "",
        ids=(TOKENIZED if tokenized else NAMED).format(example=example),
    )
    write_text(folder / "README.md", card)
    config = {"model_type": MODEL_TYPE, **asdict(form), "category_names": vocabulary.categories}
    write_text(folder / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def load_model(folder: str | Path) -> tuple[TagSetModel, Vocabulary]:
    """Read what `save_model` wrote; the model is in evaluation mode, on the CPU.

    Raises:
        UserError: a file is missing, or is not of such a folder.
    """
    folder = Path(folder)
    config, lines = read_config(folder), read_lines(folder / "tags.tsv")
    categories = tuple(config.pop("category_names"))
    form = ModelConfig(**config)
    columns = list(zip(*(line.split("\t") for line in lines[1:]), strict=True))
    if len(columns) != 4 or len(columns[0]) != form.tokens:
        raise UserError(f"{folder}/tags.tsv: {len(lines) - 1} tags, but the model has {form.tokens}: export it again")
    _, names, category_names, counts = columns
    number = {name: index for index, name in enumerate(categories)}
    category = np.array([number[name] for name in category_names], np.int64)
    vocabulary = Vocabulary(names, category, categories, np.array(counts, np.int64))
    model = TagSetModel(form, torch.from_numpy(category))
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{folder}/model.safetensors: missing, damaged or not of this config.json: train again") from error
    return model.eval(), vocabulary


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config, without its type.

    Raises:
        UserError: it is missing or of something else.
    """
    config = json.loads("\n".join(read_lines(folder / "config.json")))
    if not isinstance(config, dict) or config.pop("model_type", None) != MODEL_TYPE:
        raise UserError(f"{folder}/config.json: not of a tag-set model: name the folder that train_tag_model made")
    return config


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with open_whole(path) as file:
        file.write(text.encode())


def tags_text(vocabulary: Vocabulary) -> str:
    """The vocabulary as TSV: id, name, category, count."""
    rows = (
        f"{number}\t{name}\t{vocabulary.categories[category]}\t{count}\n"
        for number, (name, category, count) in enumerate(
            zip(vocabulary.names, vocabulary.category, vocabulary.counts, strict=True)
        )
    )
    return "id\tname\tcategory\tcount\n" + "".join(rows)
