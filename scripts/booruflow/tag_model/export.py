"""The folder of a trained model: weights, config, tags and model card."""

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
from booruflow.tag_model.sets import TagVocabulary, read_tags, write_tags

MODEL_TYPE = "booruflow-tag-set"
CARD = """\
---
library_name: pytorch
tags: [tag-embedding, feature-extraction]
---

# A tag-set model

This model embeds a set of tags as one vector of {dimensions} numbers, for conditioning an image model or for finding
similar posts. The order of the tags does not matter.{prefixes}

| | |
|---|---|
| tokens | {tags:,}, in {categories} categories |
| layers, heads, hidden size | {layers}, {heads}, {hidden_size} |
| parameters | {parameters:,} |
| training sets | {training_sets:,} |
{metrics}
- `model.safetensors`, `config.json`: the weights (float32) and the architecture.
- `tags.tsv`: id, name, category and count of each tag; the id is the row of the embedding.
- `vocab.txt`, `vocab.json`, `tokenizer_config.json`: the tokenizer, with the same ids.

```python
import torch
from booruflow.tag_model.export import load_model
from booruflow.tag_model.model import Sets
from booruflow.tokens.tokenizer import TagTokenizer

model, vocabulary = load_model("this/folder")
tokenizer = TagTokenizer.from_pretrained("this/folder")
ids = vocabulary.tags_among(tokenizer.encode("{example}"))
sets = Sets(torch.tensor(ids), torch.tensor([0, len(ids)]))
with torch.inference_mode():
    vectors = model(sets)  # [1, {dimensions}]
    scores = model.scores(vectors, {dimensions}, sets)  # [1, {tags}]
```

The model learned only which tags occur together, with the habits and omissions of taggers; it has not seen any image.
"""


def save_model(
    folder: Path, model: TagSetModel, vocabulary: TagVocabulary, training_sets: int, metrics: dict[str, float]
) -> None:
    """Write `model.safetensors`, `tags.tsv`, the model card `README.md` and, last, `config.json`.

    The folder, which also holds the tokenizer, is created if missing. The number of training sets and the validation
    metrics are for the card.

    Raises:
        UserError: a file cannot be written.
    """
    weights = {name: weight.contiguous().cpu() for name, weight in model.state_dict().items()}
    with open_whole(folder / "model.safetensors") as file:
        file.write(save(weights, metadata={"format": "pt"}))
    write_tags(folder / "tags.tsv", vocabulary)
    config = model.config
    prefixes = ", ".join(map(str, config.matryoshka_sizes[:-1]))
    card = CARD.format(
        dimensions=config.matryoshka_sizes[-1],
        prefixes=f"\nShorter vectors are prefixes of it: {prefixes} numbers." if prefixes else "",
        tags=len(vocabulary),
        categories=len(vocabulary.categories),
        layers=config.layers,
        heads=config.heads,
        hidden_size=config.hidden_size,
        parameters=model.parameter_count,
        training_sets=training_sets,
        metrics="".join(f"| validation {name}, by the vector | {value:.3f} |\n" for name, value in metrics.items()),
        example=" ".join(vocabulary.names[tag] for tag in np.argsort(-vocabulary.counts, kind="stable")[:2]),
    )
    write_text(folder / "README.md", card)
    content = {"model_type": MODEL_TYPE, **asdict(config), "category_names": vocabulary.categories}
    write_text(folder / "config.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def load_model(folder: str | Path) -> tuple[TagSetModel, TagVocabulary]:
    """Read a folder of `save_model`; the model is in evaluation mode, on the CPU.

    Raises:
        UserError: a file is missing, damaged or of another kind of model.
    """
    folder = Path(folder)
    content = _read_config(folder / "config.json")
    try:
        categories = tuple(content.pop("category_names"))
        config = ModelConfig(**content)
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder}/config.json: damaged ({error}): train again") from error
    names, category_names, counts = read_tags(folder / "tags.tsv")
    if len(names) != config.tokens:
        raise UserError(f"{folder}/tags.tsv: {len(names)} tags, but the model has {config.tokens}: train the model again")
    category = np.array([categories.index(name) for name in category_names], np.int64)
    vocabulary = TagVocabulary(tuple(names), category, categories, np.array(counts, np.int64))
    model = TagSetModel(config, torch.from_numpy(category), "padded")
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{folder}/model.safetensors: missing, damaged or not of this config.json: train again") from error
    return model.eval(), vocabulary


def _read_config(path: Path) -> dict[str, Any]:
    """The content of config.json without the model type."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: missing: train the model with `snakemake tag_model`, or name the folder of a trained one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged: train again") from error
    if not isinstance(content, dict) or content.pop("model_type", None) != MODEL_TYPE:
        raise UserError(f"{path}: not of a tag-set model: name a folder that the rule train_tag_model wrote")
    return content


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically.

    Raises:
        UserError: the file cannot be written.
    """
    with open_whole(path) as file:
        file.write(text.encode())
