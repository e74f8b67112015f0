"""Train the demo captioner on drawn images, on one core.

Three choices make one core enough:
1. the vision tower is trained alone first, which is cheap, with auxiliary heads that predict every attribute of the scene;
2. the tokenizer keeps a tag, a word or a run of JSON punctuation whole, so sequences are short;
3. tags in the prompt are complete, thinned or absent, and always shuffled: the model learns to copy what the tags say and to
   use the image for the rest.
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
from booruflow.demo.attribute_heads import AttributeHeads, attribute_ids, attribute_loss
from booruflow.demo.descriptions import HEADWEAR_PROSE, OBJECT_PROSE, scene_answer
from booruflow.demo.grounding import grounding, prompt_with
from booruflow.demo.image_store import ImageStore
from booruflow.demo.pil_processor import Qwen2VLPilProcessor
from booruflow.demo.scene import Scene
from booruflow.demo.tiny_qwen2vl import CELL, Pixels, example_texts, make_model, make_processor, make_tokenizer, patches, save

Pair = tuple[list[int], list[int]]
"""Token ids of a prompt and of its answer."""

TOWER_BATCH, CAPTION_BATCH = 48, 24
TOWER_SHARE = 0.25
"""The part of the training time that the vision tower is trained alone."""
OTHER_CONTENT_WORDS = "long short twintails ponytail bun skirt pants left right boy girl glasses bow none speech"
ATTRIBUTE_LOSS_WEIGHT = 0.4
"""Weight of the attribute loss relative to the caption loss in the second stage."""


@dataclass
class Captioner:
    """The model, its processor, and the auxiliary heads for training."""

    model: Qwen2VLForConditionalGeneration
    processor: Qwen2VLPilProcessor
    heads: AttributeHeads

    @classmethod
    def untrained(cls) -> "Captioner":
        """A new model, with a tokenizer trained on example texts."""
        tokenizer = make_tokenizer(example_texts())
        return cls.of(make_model(tokenizer), tokenizer)

    @classmethod
    def loaded(cls, folder: Path) -> "Captioner":
        """A saved model with new attribute heads and the pixel limits of `tiny_qwen2vl`."""
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        return cls.of(model, Qwen2VLPilProcessor.from_pretrained(folder).tokenizer)

    @classmethod
    def of(cls, model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> "Captioner":
        """A model with its processor and new attribute heads."""
        return cls(model, make_processor(tokenizer), AttributeHeads(model.config.text_config.hidden_size))

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    @property
    def tower(self) -> nn.Module:
        """The vision tower."""
        return self.model.model.visual  # type: ignore[no-any-return]

    def patches(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """Pixels -> inputs of the vision tower, see `tiny_qwen2vl.patches`."""
        image_processor = self.processor.image_processor
        return patches(pixels, image_processor.image_mean, image_processor.image_std)


def tower_loss(captioner: Captioner, pixels: Pixels, drawn: list[Scene]) -> Tensor:
    """The loss of the attribute heads on the vision tower's tokens."""
    values, grid = captioner.patches(pixels)
    tokens = captioner.tower(values, grid_thw=grid).pooler_output
    logits = captioner.heads(tokens.reshape(len(drawn), -1, tokens.shape[-1]))
    return attribute_loss(logits, torch.tensor([attribute_ids(scene) for scene in drawn]))


def encode(tokenizer: PreTrainedTokenizerFast, scene: Scene, image_tokens: int, rng: random.Random) -> Pair:
    """Token ids of a scene's prompt (with random grounding tags) and of its answer."""
    general, names = grounding(scene, rng)
    image = f"<|vision_start|>{IMAGE * image_tokens}<|vision_end|>"
    prompt = tokenizer(chat_text(prompt_with(general, names), image))["input_ids"]
    answer = tokenizer(json.dumps(scene_answer(scene, bool(names))) + "<|im_end|>")["input_ids"]
    return prompt, answer


def collate(pairs: list[Pair], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, attention mask and labels (-100 outside the answer), right-padded: (pairs, longest sequence)."""
    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(pairs), longest), pad)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        mask[row, :end] = 1
        labels[row, len(prompt) : end] = torch.tensor(answer)
    return ids, mask, labels


def caption_loss(captioner: Captioner, pixels: Pixels, drawn: list[Scene], pairs: list[Pair], weight: Tensor) -> Tensor:
    """Weighted cross entropy of the answers, plus the weighted loss of the attribute heads; `weight` is per token id."""
    model, tokenizer = captioner.model, captioner.tokenizer
    ids, mask, labels = collate(pairs, tokenizer.pad_token_id)
    values, grid = captioner.patches(pixels)
    tokens = captioner.tower(values, grid_thw=grid).pooler_output
    is_image = ids == model.config.image_token_id
    embeddings = model.model.get_input_embeddings()(ids).masked_scatter(is_image.unsqueeze(-1), tokens)
    positions, _ = model.model.get_rope_index(ids, image_grid_thw=grid, attention_mask=mask, mm_token_type_ids=is_image.int())
    hidden = model.model.language_model(
        inputs_embeds=embeddings, attention_mask=mask, position_ids=positions, use_cache=False
    ).last_hidden_state
    targets = labels[:, 1:]
    in_answer = targets >= 0
    logits = model.lm_head(hidden[:, :-1][in_answer])
    weights = weight[targets[in_answer]]
    answers = (functional.cross_entropy(logits, targets[in_answer], reduction="none") * weights).sum() / weights.sum()
    heads = captioner.heads(tokens.reshape(len(drawn), -1, tokens.shape[-1]))
    return answers + ATTRIBUTE_LOSS_WEIGHT * attribute_loss(heads, torch.tensor([attribute_ids(scene) for scene in drawn]))


def token_weights(tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Weights per token id: words for contents of the image get more weight than words that all answers share."""
    prose = " ".join([*HEADWEAR_PROSE.values(), *OBJECT_PROSE.values()]).split()
    content_words = {
        *scenes.HAIR_COLOURS, *scenes.CLOTH_COLOURS, *scenes.EYE_COLOURS, *scenes.FLAT_BACKGROUNDS, *scenes.GARMENTS,
        *(part.lower() for word in scenes.LETTERING_WORDS for part in word.split()),
        *OTHER_CONTENT_WORDS.split(),
        *(word for word in prose if len(word) > 2),
    }  # fmt: skip
    mouths = {"smiles", "laughs", "frowns"}
    words = [re.sub(r"^[ ,]+|[ ,]+$", "", tokenizer.decode([i])).lower() for i in range(len(tokenizer))]
    return torch.tensor([4.0 if word in mouths else 2.5 if word in content_words else 1.0 for word in words])


def caption_batches(
    captioner: Captioner, store: ImageStore, rng: random.Random
) -> Iterator[tuple[Pixels, list[Scene], list[Pair]]]:
    """Endless batches; within a batch, images have one size and sequences similar lengths."""
    while True:
        pixels, drawn = store.sample(CAPTION_BATCH * 4, rng)
        image_tokens = pixels.shape[1] * pixels.shape[2] // CELL**2
        pairs = [encode(captioner.tokenizer, scene, image_tokens, rng) for scene in drawn]
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        batches = [order[i : i + CAPTION_BATCH] for i in range(0, len(order), CAPTION_BATCH)]
        rng.shuffle(batches)
        for batch in batches:
            yield pixels[batch], [drawn[i] for i in batch], [pairs[i] for i in batch]


def optimise(groups: list[tuple[list[nn.Parameter], float]], losses: Iterator[Tensor], seconds: float, label: str) -> None:
    """Run AdamW for `seconds`; the peak learning rate of each group warms up over 100 steps, then decays along a cosine."""
    optimizer = torch.optim.AdamW(
        [{"params": group, "peak": rate} for group, rate in groups], lr=0, weight_decay=0.02, betas=(0.9, 0.98)
    )
    parameters = [parameter for group, _ in groups for parameter in group]
    started, average = time.monotonic(), 0.0
    with progress(None, label, "steps") as bar:
        for step, loss in enumerate(losses, 1):
            done = (time.monotonic() - started) / seconds
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * min(1, step / 100) * max(0.01, 0.5 + 0.5 * math.cos(math.pi * min(done, 1)))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            average = 0.98 * average + 0.02 * loss.item()
            bar.set_postfix(loss=f"{average / (1 - 0.98**step):.4f}", done=f"{done:.0%}", refresh=False)
            bar.update(1)
            if done >= 1:
                return


def train(folder: Path, seconds: float, seed: int, start: Path | None = None, rate_factor: float = 1) -> None:
    """Train for about `seconds` and save the result in `folder`.

    With `start`, the folder of an earlier captioner, training continues from its weights; the attribute heads always start
    untrained. `rate_factor` scales all learning rates but those of the heads.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = random.Random(seed)
    captioner = Captioner.loaded(start) if start else Captioner.untrained()
    tower, heads = list(captioner.tower.parameters()), list(captioner.heads.parameters())
    tower_ids = set(map(id, tower))
    rest = [parameter for parameter in captioner.model.parameters() if id(parameter) not in tower_ids]
    with ImageStore(seed) as store:
        tower_losses = (tower_loss(captioner, *store.sample(TOWER_BATCH, rng)) for _ in iter(int, 1))
        optimise([(tower, 2.5e-3 * rate_factor), (heads, 2.5e-3)], tower_losses, seconds * TOWER_SHARE, "vision tower")
        weight = token_weights(captioner.tokenizer)
        caption_losses = (caption_loss(captioner, *batch, weight) for batch in caption_batches(captioner, store, rng))
        groups = [(rest, 3e-3 * rate_factor), (tower, 1.2e-3 * rate_factor), (heads, 1.2e-3)]
        optimise(groups, caption_losses, seconds * (1 - TOWER_SHARE), "captioner")
    save(captioner.model, captioner.processor, folder)
