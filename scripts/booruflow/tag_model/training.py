"""Training of the tag-set model: on one CPU core or any number of GPUs, and the same after any interruption.

What is random at a step (the order, what is hidden, dropout) depends on the seed and the step alone, so a checkpoint
needs no generator's state, and a resumed training takes the very steps that it would have taken.
"""

import csv
import io
import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.core.progress import progress
from booruflow.tag_model.evaluation import figures, ranks
from booruflow.tag_model.inference import on_device, scorer
from booruflow.tag_model.model import Attention, ModelConfig, Sets, TagSetModel, contrastive_loss, hidden_tag_loss
from booruflow.tag_model.protocol import Completion, order_in_rows, sample
from booruflow.tag_model.rivals import log_frequency, ppmi_svd
from booruflow.tag_model.sets import Integers, TagSets

START_SETS = 2**20
"""Sets whose tags' company the embeddings start from: more would cost memory and tell little."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; with the model's form and the data it fixes every weight."""

    seed: int = 0
    epochs: int = 60
    batch_size: int = 128
    """Sets a step, over all processes and accumulated parts."""
    accumulation: int = 1
    """In how many parts a process takes its share of a step, to save memory."""
    learning_rate: float = 2e-3
    """The highest; it rises over the warm-up and falls to zero along a cosine."""
    warm_up: float = 0.05
    """Share of all steps."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """The longest gradient."""
    hidden_least: float = 0.15
    hidden_most: float = 0.75
    """The hidden share of a set's tags is uniform between the two."""
    hide_category: float = 1 / 7
    """How often a whole category is hidden instead."""
    unlikelihood: float = 0.0
    """Weight of the punishment of predicting tags that are shown."""
    contrastive: float = 0.0
    """Weight of pulling two views of a set together; it doubles the time a step takes."""
    averaging: float = 0.998
    """Decay a step of the average of the weights, which is what is evaluated and kept."""
    validations: int = 20
    """How often, evenly over the training, the average is validated and a checkpoint written."""
    patience: int = 5
    """Validations in a row without a better one, after which the training stops."""
    precision: Literal["no", "bf16"] = "no"
    """bf16 multiplies in 16 bits; weights, averages and losses stay in 32."""
    attention: Attention = "padded"
    """How sets of unequal size are attended to; see model.attend_nested."""

    def __post_init__(self) -> None:
        if self.hidden_least > self.hidden_most:
            raise UserError(f"tag_model.training: hidden_least {self.hidden_least} is above hidden_most {self.hidden_most}")


def split_at_random(sets: TagSets, config: TrainingConfig, generator: np.random.Generator) -> tuple[TagSets, TagSets]:
    """Each set's shown and hidden tags; at least one of each for a set of two or more tags."""
    count, rows = len(sets), sets.rows
    share = generator.uniform(config.hidden_least, config.hidden_most, count)
    hide = np.clip(np.floor(share * sets.sizes + 0.5), 1, sets.sizes - 1)
    order = order_in_rows(sets, generator.random(len(rows)))
    hidden = order < hide[rows]
    category = sets.vocabulary.category[sets.tokens]
    first = np.empty(count, np.int64)
    first[rows[order == 0]] = category[order == 0]
    same = category == first[rows]
    whole = (generator.random(count) < config.hide_category) & (np.bincount(rows, same, count) < sets.sizes)
    hidden = np.where(whole[rows], same, hidden)
    return sets.only(~hidden), sets.only(hidden)


class Step(torch.nn.Module):
    """The loss of one part of a step; a module, so that `accelerate` can share it out over processes."""

    def __init__(self, model: TagSetModel, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(self, views: list[tuple[Sets, Sets]]) -> Tensor:
        """The mean over views and nested dimensions, plus the distance of the views where that is asked for."""
        vectors = [self.model(shown) for shown, _ in views]
        nested = self.model.config.nested
        losses = [
            hidden_tag_loss(self.model.scores(vector, size), shown, hidden, self.config.unlikelihood)
            for vector, (shown, hidden) in zip(vectors, views, strict=True)
            for size in nested
        ]
        loss = torch.stack(losses).mean()
        if self.config.contrastive:
            apart = [contrastive_loss(vectors[0][:, :size], vectors[1][:, :size]) for size in nested]
            loss = loss + self.config.contrastive * torch.stack(apart).mean()
        return loss


def learning_rate(step: int, steps: int, config: TrainingConfig) -> float:
    """The rate at a step, from 0: a line up over the warm-up, then half a cosine down to zero."""
    warm_up = max(1, round(config.warm_up * steps))
    if step < warm_up:
        return config.learning_rate * (step + 1) / warm_up
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def new_model(config: ModelConfig, train: TagSets, seed: int) -> TagSetModel:
    """A model before training: random layers, tag embeddings from PPMI-SVD, biases from frequencies."""
    torch.manual_seed(seed)
    model = TagSetModel(config, torch.from_numpy(train.vocabulary.category))
    vectors = torch.from_numpy(ppmi_svd(sample(train, START_SETS), config.width)).float()
    model.start_from(vectors, torch.from_numpy(log_frequency(train)).float())
    return model


@lru_cache(maxsize=1)
def order_of(epoch: int, count: int, seed: int) -> Integers:
    """The sets in the order of an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


class Trainer:
    """A training and its state: model, average, optimiser, step, log.

    Attributes:
        log: a row for each validation: step, loss, rate and the validation's figures.
        seconds: what the steps so far took, over all interruptions.
    """

    def __init__(self, train: TagSets, check: Completion, form: ModelConfig, config: TrainingConfig, checkpoint: Path) -> None:
        """A training that starts, or goes on from the checkpoint when that is of this same training.

        Args:
            train: sets with at least two tags each.
            check: the validation's questions.
            form: of the model.
            config: of the training.
            checkpoint: the file that keeps the state.

        Raises:
            UserError: the batch does not fit the data or the processes, or the checkpoint is damaged.
        """
        self.train, self.check, self.form, self.config, self.checkpoint = train, check, form, config, checkpoint
        self.accelerator = Accelerator(mixed_precision=config.precision, gradient_accumulation_steps=config.accumulation)
        self.steps_an_epoch = len(train) // config.batch_size
        share = config.batch_size / (config.accumulation * self.accelerator.num_processes)
        if not self.steps_an_epoch or share != int(share):
            raise UserError(
                f"tag_model: batch_size {config.batch_size} must be at most the {len(train)} training sets and"
                f" a multiple of accumulation {config.accumulation} times {self.accelerator.num_processes} processes"
            )
        self.share = int(share)
        self.step = 0
        self.seconds = 0.0
        self.log: list[dict[str, float]] = []
        model = new_model(form, train, config.seed)
        model.attention = config.attention
        self.average = deepcopy(model).to(self.accelerator.device)
        self.best = {name: weight.clone() for name, weight in self.average.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters(), weight_decay=config.weight_decay, betas=(0.9, 0.98))
        self.model, self.optimizer = self.accelerator.prepare(Step(model, config), optimizer)
        self.resume()

    @cached_property
    def digest(self) -> str:
        """Of all that fixes the weights: form, training and data."""
        digest = sha256(repr((asdict(self.form), asdict(self.config))).encode())
        digest.update(self.train.tokens.data)
        digest.update(self.train.offsets.data)
        return digest.hexdigest()

    def resume(self) -> None:
        """Take up the state of the checkpoint, unless it is of another training.

        Raises:
            UserError: the checkpoint is damaged.
        """
        if not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location=self.accelerator.device, weights_only=True)
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise UserError(f"{self.checkpoint}: damaged: delete it, and the training starts anew") from error
        if state["digest"] != self.digest:
            return
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.best, self.step, self.log, self.seconds = (state[name] for name in ("best", "step", "log", "seconds"))

    def save(self) -> None:
        """Write the state, whole or not at all."""
        if self.accelerator.is_main_process:
            state = {
                "digest": self.digest,
                "model": self.accelerator.unwrap_model(self.model).state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.state_dict(),
                "best": self.best,
                "step": self.step,
                "log": self.log,
                "seconds": self.seconds,
            }
            with open_whole(self.checkpoint) as file:
                torch.save(state, file)

    def batches(self) -> Iterator[list[tuple[Sets, Sets]]]:
        """The process's parts of the present step, each as its views."""
        epoch, place = divmod(self.step, self.steps_an_epoch)
        process = self.accelerator.process_index
        order = order_of(epoch, len(self.train), self.config.seed)
        start = place * self.config.batch_size + process * self.share * self.config.accumulation
        generator = np.random.default_rng([self.config.seed, self.step, process])
        torch.manual_seed(int(generator.integers(2**62)))
        for part in range(self.config.accumulation):
            sets = self.train.take(order[start + part * self.share :][: self.share])
            views = [split_at_random(sets, self.config, generator) for _ in range(2 if self.config.contrastive else 1)]
            device = self.accelerator.device
            yield [(on_device(shown, device), on_device(hidden, device)) for shown, hidden in views]

    def take_step(self, steps: int) -> float:
        """One step of the optimiser; the loss, averaged over this process's parts."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, steps, self.config)
        losses = []
        for views in self.batches():
            with self.accelerator.accumulate(self.model):
                loss = self.model(views)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip)
                self.optimizer.step()
                self.optimizer.zero_grad()
            losses.append(float(loss.detach()))
        self.step += 1
        decay = min(self.config.averaging, self.step / (self.step + 10))
        present = self.accelerator.unwrap_model(self.model).model.state_dict()
        with torch.no_grad():
            for name, weight in self.average.state_dict().items():
                if weight.is_floating_point():
                    weight.lerp_(present[name], 1 - decay)
        return float(np.mean(losses))

    def validate(self, loss: float, rate: float) -> None:
        """Note the figures of the averaged weights, and keep these when they are the best.

        One process asks and tells the others, so that all stop together.
        """
        score: dict[str, float] = {}
        if self.accelerator.is_main_process:
            score = figures(ranks(scorer(self.average, self.form.nested[-1]), self.check))
        (score,) = broadcast_object_list([score])
        if all(score["MRR"] > row["MRR"] for row in self.log):
            self.best = {name: weight.clone() for name, weight in self.average.state_dict().items()}
        self.log.append({"step": self.step, "loss": loss, "learning_rate": rate, **score})

    def is_stale(self) -> bool:
        """Whether the best validation lies more than the patience back."""
        scores = [row["MRR"] for row in self.log]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.config.patience

    def run(self) -> TagSetModel:
        """Train to the end, or until validation stops it; the best averaged weights."""
        config = self.config
        steps = config.epochs * self.steps_an_epoch
        every = max(1, steps // config.validations)
        losses: list[float] = []
        start = time.monotonic() - self.seconds
        with progress(steps, "training", "steps") as bar:
            bar.update(self.step)
            while self.step < steps and not self.is_stale():
                rate = learning_rate(self.step, steps, config)
                losses.append(self.take_step(steps))
                bar.update(1)
                if self.step % every == 0 or self.step == steps:
                    self.validate(float(np.mean(losses)), rate)
                    losses = []
                    self.seconds = time.monotonic() - start
                    self.save()
        self.average.load_state_dict(self.best)
        return self.average.eval()

    def log_text(self) -> str:
        """The log as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", "loss", "learning_rate", "R@1", "R@5", "R@10", "MRR"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.log)
        return text.getvalue()
