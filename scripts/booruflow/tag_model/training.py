"""Training of the tag-set model on a CPU core or any number of GPUs; an interrupted training resumes exactly.

All randomness of a step (order, masks, dropout) depends on the seed and the step only. So a checkpoint holds no generator
state, and a resumed training takes the same steps as an uninterrupted one.
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

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole
from booruflow.core.progress import progress
from booruflow.tag_model.baselines import local_ease, log_frequency, ppmi_svd
from booruflow.tag_model.embedding import scorer, to_device
from booruflow.tag_model.evaluation import masked_ranks, ranking_metrics
from booruflow.tag_model.losses import TrainingLoss
from booruflow.tag_model.model import Attention, ModelConfig, Sets, TagSetModel
from booruflow.tag_model.protocol import CompletionQueries, mask_at_random, sample_sets
from booruflow.tag_model.sets import Integers, TagSets
from booruflow.tokens.settings import batch_errors, training_errors

COUNTED_SETS = 2**20
"""Training sets whose pairs of tags are counted, for the first embeddings and the linear map; more would cost memory."""


@dataclass(frozen=True)
class TrainingConfig:
    """The config section tag_model.training; with the architecture and the data it determines every weight."""

    seed: int
    epochs: int
    batch_size: int
    """Sets per step, over all processes and micro-batches."""
    gradient_accumulation: int
    """Micro-batches per step and process, to save memory."""
    learning_rate: float
    """The peak: linear warm-up from zero, then cosine decay to zero."""
    warmup_ratio: float
    """Share of all steps."""
    weight_decay: float
    max_grad_norm: float
    mask_ratio_min: float
    mask_ratio_max: float
    """The share of masked tags of a set is uniform between minimum and maximum."""
    category_mask_rate: float
    """Probability that instead all tags of one category are masked."""
    unlikelihood_weight: float
    """Weight of the loss that penalises predicting visible tags."""
    contrastive_weight: float
    """Weight of the loss between two views of a set; doubles the time per step."""
    ema_decay: float
    """Decay per step of the exponential moving average of the weights, which is evaluated and exported."""
    validations: int
    """Number of validations, evenly over the training; each writes a checkpoint."""
    early_stopping_patience: int
    """Validations without improvement after which training stops."""
    mixed_precision: Literal["no", "bf16"]
    """bf16 multiplies in 16 bits; weights, averages and losses stay in float32."""
    attention: Attention
    """Implementation of attention over sets of different sizes; see model.attend_nested."""

    def __post_init__(self) -> None:
        for line in training_errors(self.mask_ratio_min, self.mask_ratio_max):
            raise UserError(line)


def learning_rate(step: int, steps: int, config: TrainingConfig) -> float:
    """The learning rate at a step, counted from 0: linear warm-up, then cosine decay to zero."""
    warmup = max(1, round(config.warmup_ratio * steps))
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def new_model(config: ModelConfig, train: TagSets, seed: int, attention: Attention) -> TagSetModel:
    """An untrained model: random layers, tag embeddings from PPMI-SVD, biases from log frequencies, and the linear map."""
    torch.manual_seed(seed)
    model = TagSetModel(config, torch.from_numpy(train.vocabulary.category), attention)
    counted = sample_sets(train, COUNTED_SETS)
    vectors = torch.from_numpy(ppmi_svd(counted, config.hidden_size)).float()
    linear_map = map(torch.from_numpy, local_ease(counted, config.neighbours))
    model.initialise(vectors, torch.from_numpy(log_frequency(train)).float(), *linear_map)
    return model


@lru_cache(maxsize=1)
def epoch_order(epoch: int, count: int, seed: int) -> Integers:
    """The order of the sets in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


class Trainer:
    """A training and its state.

    Attributes:
        model: the model within its loss, prepared by `accelerator`.
        ema_model: the moving average of its weights.
        best_weights: the averaged weights of the best validation.
        step: the number of steps taken.
        log: a row for each validation: step, loss, learning rate and metrics.
        seconds: time of all steps so far, without interruptions.
    """

    def __init__(
        self, train: TagSets, validation: CompletionQueries, architecture: ModelConfig, config: TrainingConfig, checkpoint: Path
    ) -> None:
        """Start a training, or resume it if the checkpoint is of the same training.

        The sets of `train` have at least two tags each; `checkpoint` is the file for the state.

        Raises:
            UserError: the batch size does not fit the data or the processes, or the checkpoint is damaged.
        """
        self.train, self.validation, self.architecture = train, validation, architecture
        self.config, self.checkpoint = config, checkpoint
        self.accelerator = Accelerator(
            mixed_precision=config.mixed_precision, gradient_accumulation_steps=config.gradient_accumulation
        )
        processes = self.accelerator.num_processes
        for line in batch_errors(config.batch_size, config.gradient_accumulation, processes):
            raise UserError(line)
        self.micro_batch_size = config.batch_size // (config.gradient_accumulation * processes)
        self.steps_per_epoch = len(train) // config.batch_size
        if not self.steps_per_epoch:
            raise UserError(
                f"tag_model.training: batch_size {config.batch_size} must be at most the {len(train)} training sets: lower it"
            )
        self.step = 0
        self.seconds = 0.0
        self.log: list[dict[str, float]] = []
        model = new_model(architecture, train, config.seed, config.attention)
        self.ema_model = deepcopy(model).to(self.accelerator.device)
        self.best_weights = self._ema_weights()
        optimizer = torch.optim.AdamW(model.parameters(), weight_decay=config.weight_decay, betas=(0.9, 0.98))
        loss = TrainingLoss(model, config.unlikelihood_weight, config.contrastive_weight)
        self.model, self.optimizer = self.accelerator.prepare(loss, optimizer)
        self.resume()

    @cached_property
    def digest(self) -> str:
        """A digest of all that determines the weights: architecture, config and data."""
        digest = sha256(repr((asdict(self.architecture), asdict(self.config))).encode())
        digest.update(self.train.tokens.data)
        digest.update(self.train.offsets.data)
        return digest.hexdigest()

    def _ema_weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.clone() for name, weight in self.ema_model.state_dict().items()}

    def resume(self) -> None:
        """Load the checkpoint, unless it is missing or of another training.

        Raises:
            UserError: the checkpoint is damaged.
        """
        if not self.checkpoint.exists():
            return
        try:
            state = torch.load(self.checkpoint, map_location=self.accelerator.device, weights_only=True)
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise UserError(f"{self.checkpoint}: damaged: delete it to train from the start") from error
        if state["digest"] != self.digest:
            return
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema_model.load_state_dict(state["ema"])
        self.best_weights, self.step, self.log, self.seconds = (state[name] for name in ("best", "step", "log", "seconds"))

    def save(self) -> None:
        """Write the checkpoint atomically."""
        if self.accelerator.is_main_process:
            state = {
                "digest": self.digest,
                "model": self.accelerator.unwrap_model(self.model).state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "ema": self.ema_model.state_dict(),
                "best": self.best_weights,
                "step": self.step,
                "log": self.log,
                "seconds": self.seconds,
            }
            with open_whole(self.checkpoint) as file:
                torch.save(state, file)

    def micro_batches(self) -> Iterator[list[tuple[Sets, Sets]]]:
        """The micro-batches of this process for the current step, each as one or two views (visible, masked)."""
        config, process, device = self.config, self.accelerator.process_index, self.accelerator.device
        epoch, batch = divmod(self.step, self.steps_per_epoch)
        order = epoch_order(epoch, len(self.train), config.seed)
        start = batch * config.batch_size + process * self.micro_batch_size * config.gradient_accumulation
        generator = np.random.default_rng([config.seed, self.step, process])
        torch.manual_seed(int(generator.integers(2**62)))
        mask_ratio = (config.mask_ratio_min, config.mask_ratio_max)
        for number in range(config.gradient_accumulation):
            sets = self.train.take(order[start + number * self.micro_batch_size :][: self.micro_batch_size])
            views = [
                mask_at_random(sets, mask_ratio, config.category_mask_rate, generator)
                for _ in range(2 if config.contrastive_weight else 1)
            ]
            yield [(to_device(visible, device), to_device(masked, device)) for visible, masked in views]

    def take_step(self, steps: int) -> float:
        """Take one optimiser step of `steps`; returns the mean loss of the micro-batches of this process."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, steps, self.config)
        losses = []
        for views in self.micro_batches():
            with self.accelerator.accumulate(self.model):
                loss = self.model(views)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            losses.append(float(loss.detach()))
        self.step += 1
        decay = min(self.config.ema_decay, self.step / (self.step + 10))
        current = self.accelerator.unwrap_model(self.model).model.state_dict()
        with torch.no_grad():
            for name, weight in self.ema_model.state_dict().items():
                if weight.is_floating_point():
                    weight.lerp_(current[name], 1 - decay)
        return float(np.mean(losses))

    def validate(self, loss: float, rate: float) -> None:
        """Add the metrics of the averaged weights to the log, and keep the weights if they are the best.

        What is trained is evaluated: the vectors, without the linear map.

        The main process evaluates and broadcasts, so that all processes stop at the same step.
        """
        metrics: dict[str, float] = {}
        if self.accelerator.is_main_process:
            full = scorer(self.ema_model, self.architecture.matryoshka_sizes[-1], vectors_only=True)
            metrics = ranking_metrics(masked_ranks(full, self.validation))
        (metrics,) = broadcast_object_list([metrics])
        if all(metrics["MRR"] > row["MRR"] for row in self.log):
            self.best_weights = self._ema_weights()
        self.log.append({"step": self.step, "loss": loss, "learning_rate": rate, **metrics})

    def should_stop(self) -> bool:
        """Whether the last `early_stopping_patience` validations brought no improvement."""
        scores = [row["MRR"] for row in self.log]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.config.early_stopping_patience

    def run(self) -> TagSetModel:
        """Train to the end or until early stopping; returns the model with the best averaged weights."""
        config = self.config
        steps = config.epochs * self.steps_per_epoch
        interval = max(1, steps // config.validations)
        losses: list[float] = []
        start = time.monotonic() - self.seconds
        with progress(steps, "training", "steps") as bar:
            bar.update(self.step)
            while self.step < steps and not self.should_stop():
                rate = learning_rate(self.step, steps, config)
                losses.append(self.take_step(steps))
                bar.update(1)
                if self.step % interval == 0 or self.step == steps:
                    self.validate(float(np.mean(losses)), rate)
                    losses = []
                    self.seconds = time.monotonic() - start
                    self.save()
        self.ema_model.load_state_dict(self.best_weights)
        return self.ema_model.eval()

    def log_csv(self) -> str:
        """The log as CSV."""
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", "loss", "learning_rate", "R@1", "R@5", "R@10", "MRR"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.log)
        return text.getvalue()
