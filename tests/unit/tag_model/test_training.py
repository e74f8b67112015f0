import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from booruflow.core.errors import UserError
from booruflow.tag_model.inference import embed, on_device
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import completion
from booruflow.tag_model.training import Trainer, TrainingConfig, learning_rate, split_at_random

CONFIG = TrainingConfig(epochs=4, batch_size=50, validations=4, learning_rate=3e-3)


def form_of(sets, **changes):
    vocabulary = sets.vocabulary
    form = ModelConfig(len(vocabulary), len(vocabulary.categories), width=32, layers=1, heads=2, nested=(8, 32))
    return replace(form, **changes)


def trainer(splits, folder, config=CONFIG, **changes):
    check = completion(splits.validation, repeats=1)
    return Trainer(splits.train, check, form_of(splits.train, **changes), config, folder / "checkpoint.pt")


def weights_of(model):
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("contrastive", [0.0, 0.1])
def test_interrupted_and_resumed_is_the_same_bit_for_bit(splits, tmp_path, monkeypatch, contrastive):
    config = replace(CONFIG, contrastive=contrastive)
    (tmp_path / "b").mkdir()
    whole = trainer(splits, tmp_path, config)
    expected = weights_of(whole.run())

    stopped = trainer(splits, tmp_path / "b", config)
    take_step = stopped.take_step

    def killed_in_the_third_epoch(steps):
        if stopped.step == 2 * stopped.steps_an_epoch + 3:
            raise KilledError
        return take_step(steps)

    monkeypatch.setattr(stopped, "take_step", killed_in_the_third_epoch)
    with pytest.raises(KilledError):
        stopped.run()
    torch.manual_seed(12345)
    resumed = trainer(splits, tmp_path / "b", config)
    assert resumed.step == 2 * resumed.steps_an_epoch
    assert_same_bits(weights_of(resumed.run()), expected)
    assert resumed.log_text() == whole.log_text()
    again = trainer(splits, tmp_path / "b", config)
    assert_same_bits(weights_of(again.run()), expected)


def test_a_checkpoint_of_another_training_is_left_aside(splits, tmp_path):
    trainer(splits, tmp_path, replace(CONFIG, epochs=1)).run()
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
    learning = trainer(splits, tmp_path, replace(CONFIG, epochs=12, averaging=0.9))
    model = learning.run()
    assert learning.log[-1]["loss"] < 0.85 * learning.log[0]["loss"]
    assert learning.log[-1]["MRR"] > learning.log[0]["MRR"]
    assert learning.log_text().startswith("step,loss,learning_rate,R@1,R@5,R@10,MRR\n")
    assert embed(model, splits.test).shape == (len(splits.test), 32)


def test_accumulated_parts_make_the_same_step(splits, tmp_path):
    one = replace(CONFIG, hidden_least=0.5, hidden_most=0.5)
    steps = []
    cpu = torch.device("cpu")
    for parts in (1, 2):
        (tmp_path / str(parts)).mkdir()
        training = trainer(splits, tmp_path / str(parts), replace(one, accumulation=parts), dropout=0.0)
        sets = training.train.take(slice(0, 50))
        shown, hidden = split_at_random(sets, one, np.random.default_rng(0))
        size = 50 // parts
        slices = [slice(start, start + size) for start in range(0, 50, size)]
        views = [[(on_device(shown.take(some), cpu), on_device(hidden.take(some), cpu))] for some in slices]
        training.batches = lambda views=views: iter(views)
        training.take_step(10)
        steps.append(weights_of(training.accelerator.unwrap_model(training.model).model))
    for name, weight in steps[0].items():
        torch.testing.assert_close(weight, steps[1][name], atol=1e-4, rtol=1e-3)


def test_it_stops_when_validation_gets_no_better(splits, tmp_path):
    stale = trainer(splits, tmp_path, replace(CONFIG, epochs=50, validations=50, patience=2, learning_rate=0.0))
    stale.run()
    assert len(stale.log) == 3


def test_the_best_weights_are_kept_not_the_last(splits, tmp_path, monkeypatch):
    training = trainer(splits, tmp_path, replace(CONFIG, epochs=3, validations=3))
    marks = iter([0.2, 0.5, 0.3])
    monkeypatch.setattr("booruflow.tag_model.training.figures", lambda found: {"R@1": 0, "R@5": 0, "R@10": 0, "MRR": next(marks)})
    kept = []
    save = training.save
    monkeypatch.setattr(training, "save", lambda: (kept.append(weights_of(training.average)), save()))
    model = training.run()
    assert_same_bits(weights_of(model), kept[1])
    assert not torch.equal(kept[1]["bias"], kept[2]["bias"])


def test_learning_rate_rises_and_falls():
    config = TrainingConfig(learning_rate=1.0, warm_up=0.1)
    rates = [learning_rate(step, 100, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert rates[10] == 1 and rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize("hide_category", [0.0, 1.0])
def test_random_split_leaves_something_on_both_sides(sets, hide_category):
    some = sets.take(sets.sizes >= 2)
    shown, hidden = split_at_random(some, TrainingConfig(hide_category=hide_category), np.random.default_rng(0))
    assert (shown.sizes >= 1).all() and (hidden.sizes >= 1).all()
    np.testing.assert_array_equal(shown.sizes + hidden.sizes, some.sizes)
    np.testing.assert_array_equal(shown.count() + hidden.count(), some.count())


def test_hiding_a_category_hides_all_of_it(sets):
    some = sets.take(sets.sizes >= 2)
    shown, hidden = split_at_random(some, TrainingConfig(hide_category=1.0), np.random.default_rng(0))
    category = some.vocabulary.category
    for row in range(len(some)):
        hidden_categories = set(category[hidden.take(slice(row, row + 1)).tokens].tolist())
        shown_categories = set(category[shown.take(slice(row, row + 1)).tokens].tolist())
        assert len(hidden_categories) == 1 and not hidden_categories & shown_categories


def test_a_batch_larger_than_the_data(splits, tmp_path):
    with pytest.raises(UserError, match="batch_size 5000 must be at most the"):
        trainer(splits, tmp_path, replace(CONFIG, batch_size=5000))


def test_bf16_learns_too_and_keeps_weights_in_32_bits(splits, tmp_path):
    AcceleratorState._reset_state()
    training = trainer(splits, tmp_path, replace(CONFIG, precision="bf16"))
    model = training.run()
    AcceleratorState._reset_state()
    assert training.log[-1]["loss"] < training.log[0]["loss"]
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
from accelerate import debug_launcher
sys.path[:0] = sys.argv[2:]
from conftest import made_up
from test_training import CONFIG, trainer
from booruflow.tag_model.protocol import split

def work():
    training = trainer(split(made_up(500)), Path(sys.argv[1]))
    torch.save(training.run().state_dict(), Path(sys.argv[1]) / f"{training.accelerator.process_index}.pt")
    (Path(sys.argv[1]) / f"{training.accelerator.process_index}.csv").write_text(training.log_text())

if __name__ == "__main__":
    debug_launcher(work, num_processes=2)
"""


def test_two_processes_train_one_model(tmp_path):
    (tmp_path / "two.py").write_text(TWO_PROCESSES)
    here = Path(__file__).parent
    command = [sys.executable, tmp_path / "two.py", tmp_path, here, here.parents[2] / "scripts"]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300)
    assert_same_bits(*(torch.load(tmp_path / f"{process}.pt") for process in (0, 1)))
    logs = [(tmp_path / f"{process}.csv").read_text().splitlines() for process in (0, 1)]
    assert len(logs[0]) == 5
    assert [line.split(",")[3:] for line in logs[0]] == [line.split(",")[3:] for line in logs[1]]
