import math

import pytest
import torch

from booruflow.tag_model.losses import contrastive_loss, masked_tag_loss
from booruflow.tag_model.model import Sets


def packed(*rows):
    sizes = torch.tensor([0, *map(len, rows)])
    return Sets(torch.tensor([tag for row in rows for tag in row], dtype=torch.int64), sizes.cumsum(0))


def plain_loss(scores, visible, masked):
    total = 0.0
    for row, (seen, wanted) in enumerate(zip(visible, masked, strict=True)):
        others = [math.exp(scores[row][tag]) for tag in range(len(scores[row])) if tag not in (*seen, *wanted)]
        losses = [-math.log(math.exp(scores[row][tag]) / (math.exp(scores[row][tag]) + sum(others))) for tag in wanted]
        total += sum(losses) / len(losses)
    return total / len(visible)


def test_loss_as_computed_one_by_one():
    visible, masked = ([1, 2], [0, 7, 9]), ([3], [8, 4])
    scores = torch.randn(2, 10)
    loss = masked_tag_loss(scores, packed(*visible), packed(*masked), 0.0)
    assert loss.item() == pytest.approx(plain_loss(scores.tolist(), visible, masked), rel=1e-5)


def test_visible_tags_are_unconstrained_or_penalised():
    visible, masked = packed([1, 2], [0]), packed([3], [4])
    scores = torch.zeros(2, 10, requires_grad=True)
    masked_tag_loss(scores, visible, masked, 0.0).backward()
    assert scores.grad[0, 1] == scores.grad[0, 2] == scores.grad[1, 0] == 0
    assert scores.grad[0, 3] < 0 < scores.grad[0, 5]
    scores.grad = None
    masked_tag_loss(scores, visible, masked, 1.0).backward()
    assert scores.grad[0, 1] > 0 and scores.grad[1, 0] > 0


def test_contrastive_loss_prefers_the_own_other_view():
    views = torch.eye(4)
    assert contrastive_loss(views, views) < 0.01 < contrastive_loss(views, views.roll(1, 0))
