import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from small_tag_sets import DEFAULTS, small_architecture, training_config

from booruflow.core.errors import UserError
from booruflow.tag_model import baselines
from booruflow.tag_model.embedding import embed, to_device
from booruflow.tag_model.protocol import completion_queries, mask_at_random
from booruflow.tag_model.training import Trainer, learning_rate, new_model

CONFIG = {"epochs": 4, "batch_size": 50, "validations": 4, "learning_rate": 3e-3}


def trainer(splits, folder, dropout=DEFAULTS["architecture"]["dropout"], **changes):
    validation = completion_queries(splits.validation, repeats=1)
    architecture = small_architecture(splits.train.vocabulary, dropout=dropout)
    return Trainer(splits.train, validation, architecture, training_config(**CONFIG | changes), folder / "checkpoint.pt")


def weights_of(model):
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


def test_a_new_model_predicts_rare_tags_by_larger_weights_than_the_linear_map_of_its_sets(splits):
    train = splits.train
    model = new_model(small_architecture(train.vocabulary, neighbours=7), train, 0, "padded")
    neighbours, weights = baselines.local_ease(train, 7)
    assert model.neighbours.tolist() == neighbours.tolist()
    share = train.count() / len(train)
    np.testing.assert_allclose(model.linear.numpy(), weights / share[:, None] ** 0.25, rtol=1e-5, atol=1e-7)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("contrastive_weight", [0.0, 0.1])
def test_a_resumed_training_gives_the_same_bits(splits, tmp_path, monkeypatch, contrastive_weight):
    changes = {"contrastive_weight": contrastive_weight}
    (tmp_path / "b").mkdir()
    uninterrupted = trainer(splits, tmp_path, **changes)
    expected = weights_of(uninterrupted.run())

    stopped = trainer(splits, tmp_path / "b", **changes)
    take_step = stopped.take_step

    def killed_in_the_third_epoch(steps):
        if stopped.step == 2 * stopped.steps_per_epoch + 3:
            raise KilledError
        return take_step(steps)

    monkeypatch.setattr(stopped, "take_step", killed_in_the_third_epoch)
    with pytest.raises(KilledError):
        stopped.run()
    torch.manual_seed(12345)
    resumed = trainer(splits, tmp_path / "b", **changes)
    assert resumed.step == 2 * resumed.steps_per_epoch
    assert_same_bits(weights_of(resumed.run()), expected)
    assert resumed.log_csv() == uninterrupted.log_csv()
    again = trainer(splits, tmp_path / "b", **changes)
    assert_same_bits(weights_of(again.run()), expected)


def test_a_checkpoint_of_another_training_is_ignored(splits, tmp_path):
    trainer(splits, tmp_path, epochs=1).run()
    assert trainer(splits, tmp_path).step == 0


def test_a_damaged_checkpoint_is_refused(splits, tmp_path):
    training = trainer(splits, tmp_path)
    training.save()
    path = tmp_path / "checkpoint.pt"
    for damaged in (path.read_bytes()[:-100], b"", b"no checkpoint"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"checkpoint.pt: damaged: delete it"):
            trainer(splits, tmp_path)


def test_it_learns(splits, tmp_path):
    training = trainer(splits, tmp_path, epochs=12, ema_decay=0.9)
    model = training.run()
    assert training.log[-1]["loss"] < 0.85 * training.log[0]["loss"]
    assert training.log[-1]["MRR"] > training.log[0]["MRR"]
    assert training.log_csv().startswith("step,loss,learning_rate,R@1,R@5,R@10,MRR\n")
    assert embed(model, splits.test).shape == (len(splits.test), 32)


def test_gradient_accumulation_gives_the_same_step(splits, tmp_path):
    steps = []
    cpu = torch.device("cpu")
    for count in (1, 2):
        (tmp_path / str(count)).mkdir()
        training = trainer(splits, tmp_path / str(count), dropout=0.0, gradient_accumulation=count)
        sets = training.train.take(slice(0, 50))
        visible, masked = mask_at_random(sets, (0.5, 0.5), 1 / 7, np.random.default_rng(0))
        size = 50 // count
        slices = [slice(start, start + size) for start in range(0, 50, size)]
        views = [[(to_device(visible.take(part), cpu), to_device(masked.take(part), cpu))] for part in slices]
        training.micro_batches = lambda views=views: iter(views)
        training.take_step(10)
        steps.append(weights_of(training.accelerator.unwrap_model(training.model).model))
    for name, weight in steps[0].items():
        torch.testing.assert_close(weight, steps[1][name], atol=1e-4, rtol=1e-3)


def test_early_stopping(splits, tmp_path):
    training = trainer(splits, tmp_path, epochs=50, validations=50, early_stopping_patience=2, learning_rate=0.0)
    training.run()
    assert len(training.log) == 3


def test_the_best_weights_are_kept_not_the_last(splits, tmp_path, monkeypatch):
    training = trainer(splits, tmp_path, epochs=3, validations=3)
    scores = iter([0.2, 0.5, 0.3])
    monkeypatch.setattr(
        "booruflow.tag_model.training.ranking_metrics", lambda ranks: {"R@1": 0, "R@5": 0, "R@10": 0, "MRR": next(scores)}
    )
    kept = []
    save = training.save
    monkeypatch.setattr(training, "save", lambda: (kept.append(weights_of(training.ema_model)), save()))
    model = training.run()
    assert_same_bits(weights_of(model), kept[1])
    assert not torch.equal(kept[1]["bias"], kept[2]["bias"])


def test_learning_rate_rises_and_falls():
    config = training_config(learning_rate=1.0, warmup_ratio=0.1)
    rates = [learning_rate(step, 100, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert rates[10] == 1 and rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_a_batch_larger_than_the_data(splits, tmp_path):
    with pytest.raises(UserError, match="batch_size 5000 must be at most the"):
        trainer(splits, tmp_path, batch_size=5000)


def test_bf16_learns_and_keeps_weights_in_float32(splits, tmp_path):
    AcceleratorState._reset_state()
    training = trainer(splits, tmp_path, mixed_precision="bf16")
    model = training.run()
    AcceleratorState._reset_state()
    assert training.log[-1]["loss"] < training.log[0]["loss"]
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


ROOT = Path(__file__).parents[3]
TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
from accelerate import debug_launcher
sys.path[:0] = sys.argv[2:]
from small_tag_sets import small_sets, split
from test_training import trainer

def work():
    training = trainer(split(small_sets(500)), Path(sys.argv[1]))
    torch.save(training.run().state_dict(), Path(sys.argv[1]) / f"{training.accelerator.process_index}.pt")
    (Path(sys.argv[1]) / f"{training.accelerator.process_index}.csv").write_text(training.log_csv())

if __name__ == "__main__":
    debug_launcher(work, num_processes=2)
"""


def test_two_processes_train_one_model(tmp_path):
    (tmp_path / "two.py").write_text(TWO_PROCESSES)
    here = Path(__file__).parent
    command = [
        sys.executable,
        tmp_path / "two.py",
        tmp_path,
        here,
        *(ROOT / folder for folder in ("scripts", "benchmarks", "tests/helpers")),
    ]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300)
    assert_same_bits(*(torch.load(tmp_path / f"{process}.pt") for process in (0, 1)))
    logs = [(tmp_path / f"{process}.csv").read_text().splitlines() for process in (0, 1)]
    assert len(logs[0]) == 5
    assert [line.split(",")[3:] for line in logs[0]] == [line.split(",")[3:] for line in logs[1]]
