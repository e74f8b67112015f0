"""Train the demo captioner on drawn pictures, on one core.

Three things make that enough:
1. the picture tower first, alone (cheap): throw-away heads read every attribute from its tokens;
2. a tokenizer that keeps a tag, a word or a run of JSON punctuation whole;
3. tags in full, thinned or absent, always shuffled: the model copies what the tags say and looks where they are silent.
"""

import json
import math
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from booruflow.captioning.backends.chat_template import IMAGE, chat_text
from booruflow.core.progress import progress
from booruflow.demo import scene as scenes
from booruflow.demo.grounding import grounding, prompt_with
from booruflow.demo.pictures import PictureStore, Pixels, patches
from booruflow.demo.pil_processor import Qwen2VLPilProcessor
from booruflow.demo.reading import ReadingHeads, attribute_ids, reading_loss
from booruflow.demo.scene import Scene
from booruflow.demo.tiny_qwen2vl import CELL, example_texts, make_model, make_processor, make_tokenizer, save
from booruflow.demo.wording import HEADWEAR_PROSE, OBJECT_PROSE, answer_of

TOWER_BATCH, CAPTION_BATCH = 48, 24
TOWER_SHARE = 0.25
"""The share of the time that the picture tower trains alone."""
OTHER_TELLING = "long short twintails ponytail bun skirt pants left right boy girl glasses bow none speech"
READING_WEIGHT = 0.4
"""How much the reading heads count beside the captions in the second stage."""


@dataclass
class Captioner:
    """All that is trained, and what it is trained with."""

    model: Qwen2VLForConditionalGeneration
    processor: Qwen2VLPilProcessor
    heads: ReadingHeads

    @classmethod
    def untrained(cls) -> "Captioner":
        """A new one, with a tokenizer learned from example texts."""
        tokenizer = make_tokenizer(example_texts())
        return cls.of(make_model(tokenizer), tokenizer)

    @classmethod
    def loaded(cls, folder: Path) -> "Captioner":
        """One trained before, with new reading heads (and this module's pixel limits)."""
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        return cls.of(model, Qwen2VLPilProcessor.from_pretrained(folder).tokenizer)

    @classmethod
    def of(cls, model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> "Captioner":
        """A model with its processor and new reading heads."""
        return cls(model, make_processor(tokenizer), ReadingHeads(model.config.text_config.hidden_size))

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    @property
    def tower(self) -> nn.Module:
        """The picture tower."""
        return self.model.model.visual  # type: ignore[no-any-return]

    def patches(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """Pixels as the tower takes them."""
        image_processor = self.processor.image_processor
        return patches(pixels, image_processor.image_mean, image_processor.image_std)


def tower_loss(captioner: Captioner, pixels: Pixels, chosen: list[Scene]) -> Tensor:
    """How badly the heads read the scenes from the tower's tokens."""
    values, grid = captioner.patches(pixels)
    tokens = captioner.tower(values, grid_thw=grid).pooler_output
    logits = captioner.heads(tokens.reshape(len(chosen), -1, tokens.shape[-1]))
    return reading_loss(logits, torch.tensor([attribute_ids(scene) for scene in chosen]))


def encode(
    tokenizer: PreTrainedTokenizerFast, scene: Scene, image_tokens: int, rng: random.Random
) -> tuple[list[int], list[int]]:
    """A scene's prompt and answer as token ids."""
    general, names = grounding(scene, rng)
    picture = f"<|vision_start|>{IMAGE * image_tokens}<|vision_end|>"
    prompt = tokenizer(chat_text(prompt_with(general, names), picture))["input_ids"]
    answer = tokenizer(json.dumps(answer_of(scene, bool(names))) + "<|im_end|>")["input_ids"]
    return prompt, answer


def collate(pairs: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, attention mask and labels (-100 outside the answer), padded on the right; (pairs, longest)."""
    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(pairs), longest), pad)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        mask[row, :end] = 1
        labels[row, len(prompt) : end] = torch.tensor(answer)
    return ids, mask, labels


def caption_loss(
    captioner: Captioner, pixels: Pixels, chosen: list[Scene], pairs: list[tuple[list[int], list[int]]], weight: Tensor
) -> Tensor:
    """Cross entropy of the answers, each token with its weight, plus the heads' loss on the same tokens."""
    model, tokenizer = captioner.model, captioner.tokenizer
    ids, mask, labels = collate(pairs, tokenizer.pad_token_id)
    values, grid = captioner.patches(pixels)
    tokens = captioner.tower(values, grid_thw=grid).pooler_output
    pictures = ids == model.config.image_token_id
    embeddings = model.model.get_input_embeddings()(ids)
    embeddings = embeddings.masked_scatter(pictures.unsqueeze(-1), tokens)
    positions, _ = model.model.get_rope_index(ids, image_grid_thw=grid, attention_mask=mask, mm_token_type_ids=pictures.int())
    hidden = model.model.language_model(
        inputs_embeds=embeddings, attention_mask=mask, position_ids=positions, use_cache=False
    ).last_hidden_state
    targets = labels[:, 1:]
    told = targets >= 0
    logits = model.lm_head(hidden[:, :-1][told])
    weights = weight[targets[told]]
    answers = (functional.cross_entropy(logits, targets[told], reduction="none") * weights).sum() / weights.sum()
    heads = captioner.heads(tokens.reshape(len(chosen), -1, tokens.shape[-1]))
    return answers + READING_WEIGHT * reading_loss(heads, torch.tensor([attribute_ids(scene) for scene in chosen]))


def token_weights(tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Tokens that tell what is in the picture weigh more than those that any answer has."""
    prose = " ".join([*HEADWEAR_PROSE.values(), *OBJECT_PROSE.values()]).split()
    telling = {
        *scenes.HAIR, *scenes.CLOTH, *scenes.EYES, *scenes.FLAT, *scenes.GARMENTS,
        *(part.lower() for word in scenes.WORDS for part in word.split()),
        *OTHER_TELLING.split(),
        *(word for word in prose if len(word) > 2),
    }  # fmt: skip
    mouths = {"smiles", "laughs", "frowns"}
    words = [re.sub(r"^[ ,]+|[ ,]+$", "", tokenizer.decode([i])).lower() for i in range(len(tokenizer))]
    return torch.tensor([4.0 if word in mouths else 2.5 if word in telling else 1.0 for word in words])


def caption_batches(
    captioner: Captioner, store: PictureStore, rng: random.Random
) -> Iterator[tuple[Pixels, list[Scene], list[tuple[list[int], list[int]]]]]:
    """Batches for ever, each of pictures of one size and of sequences of like length."""
    while True:
        pixels, chosen = store.sample(CAPTION_BATCH * 4, rng)
        image_tokens = pixels.shape[1] * pixels.shape[2] // CELL**2
        pairs = [encode(captioner.tokenizer, scene, image_tokens, rng) for scene in chosen]
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        batches = [order[i : i + CAPTION_BATCH] for i in range(0, len(order), CAPTION_BATCH)]
        rng.shuffle(batches)
        for batch in batches:
            yield pixels[batch], [chosen[i] for i in batch], [pairs[i] for i in batch]


def optimise(groups: list[tuple[list[nn.Parameter], float]], losses: Iterator[Tensor], seconds: float, what: str) -> None:
    """AdamW until the time is over; the rates (one a group) warm up, then fall to nothing along a cosine."""
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "peak": rate} for parameters, rate in groups],
        lr=0,
        weight_decay=0.02,
        betas=(0.9, 0.98),
    )
    everything = [parameter for parameters, _ in groups for parameter in parameters]
    started, recent = time.monotonic(), 0.0
    with progress(None, what, "steps") as bar:
        for step, loss in enumerate(losses, 1):
            done = (time.monotonic() - started) / seconds
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * min(1, step / 100) * max(0.01, 0.5 + 0.5 * math.cos(math.pi * min(done, 1)))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(everything, 1.0)
            optimizer.step()
            recent = 0.98 * recent + 0.02 * loss.item()
            bar.set_postfix(loss=f"{recent / (1 - 0.98**step):.4f}", done=f"{done:.0%}", refresh=False)
            bar.update(1)
            if done >= 1:
                return


def train(folder: Path, seconds: float, seed: int, start: Path | None = None, rate: float = 1) -> None:
    """Train for about `seconds`, anew or on from the captioner in `start`, and save the result in `folder`.

    `rate` scales the learning rates of all but the reading heads, which always start anew.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    captioner = Captioner.loaded(start) if start else Captioner.untrained()
    tower, heads = list(captioner.tower.parameters()), list(captioner.heads.parameters())
    in_tower = set(map(id, tower))
    rest = [parameter for parameter in captioner.model.parameters() if id(parameter) not in in_tower]
    with PictureStore(seed) as store:
        looks = (tower_loss(captioner, *store.sample(TOWER_BATCH, rng)) for _ in iter(int, 1))
        optimise([(tower, 2.5e-3 * rate), (heads, 2.5e-3)], looks, seconds * TOWER_SHARE, "picture tower")
        weight = token_weights(captioner.tokenizer)
        answers = (caption_loss(captioner, *batch, weight) for batch in caption_batches(captioner, store, rng))
        optimise(
            [(rest, 3e-3 * rate), (tower, 1.2e-3 * rate), (heads, 1.2e-3)], answers, seconds * (1 - TOWER_SHARE), "captioner"
        )
    save(captioner.model, captioner.processor, folder)
