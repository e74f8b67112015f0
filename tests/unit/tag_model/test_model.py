import math
from dataclasses import replace

import pytest
import torch

from booruflow.core.errors import UserError
from booruflow.tag_model.model import ModelConfig, Sets, TagSetModel, contrastive_loss, hidden_tag_loss

FORM = ModelConfig(tokens=40, categories=3, width=32, layers=2, heads=4, dropout=0.0, nested=(8, 16, 32))


def made(form=FORM, attention="padded"):
    torch.manual_seed(0)
    model = TagSetModel(form, torch.arange(form.tokens) % form.categories, attention)
    return model.eval()


def packed(*rows):
    sizes = torch.tensor([0, *map(len, rows)])
    return Sets(torch.tensor([tag for row in rows for tag in row], dtype=torch.int64), sizes.cumsum(0))


ROWS = ([3, 5, 7, 11, 13], [1], [20, 2, 39], list(range(15)))


def test_order_does_not_matter():
    model = made()
    turned = [list(reversed(row)) for row in ROWS]
    torch.testing.assert_close(model(packed(*ROWS)), model(packed(*turned)), atol=2e-6, rtol=0)


@pytest.mark.parametrize("attention", ["padded", "nested"])
def test_company_in_the_batch_does_not_matter(attention):
    model = made(attention=attention)
    together = model(packed(*ROWS))
    for row, vector in zip(ROWS, together, strict=True):
        torch.testing.assert_close(model(packed(row))[0], vector, atol=2e-6, rtol=0)


def test_padded_and_nested_attention_are_equal_forward_and_backward():
    results = []
    weights = torch.randn(len(ROWS), 32)
    for attention in ("padded", "nested"):
        model = made(attention=attention)
        vectors = model(packed(*ROWS))
        (vectors * weights).sum().backward()
        results.append((vectors.detach(), {name: weight.grad for name, weight in model.named_parameters()}))
    (first, first_gradients), (second, second_gradients) = results
    torch.testing.assert_close(first, second, atol=2e-6, rtol=0)
    for name, gradient in first_gradients.items():
        if gradient is not None:
            torch.testing.assert_close(second_gradients[name], gradient, atol=1e-4, rtol=1e-3)


def test_an_empty_set_has_a_vector():
    vectors = made()(packed([], [1, 2], []))
    assert torch.isfinite(vectors).all()
    torch.testing.assert_close(vectors[0], vectors[2])
    assert not torch.equal(vectors[0], vectors[1])


def test_a_bag_has_no_layers():
    model = made(replace(FORM, layers=0))
    assert len(model.blocks) == 0
    assert model(packed(*ROWS)).shape == (4, 32)


def test_category_tells_tags_apart():
    model = made()
    vectors = model(packed([0], [3]))
    with torch.no_grad():
        model.tags.weight[3] = model.tags.weight[0]
    same_category = model(packed([0], [3]))
    torch.testing.assert_close(same_category[0], same_category[1])
    assert not torch.allclose(vectors[0], vectors[1])
    with torch.no_grad():
        model.tags.weight[1] = model.tags.weight[0]
    other_category = model(packed([0], [1]))
    assert not torch.allclose(other_category[0], other_category[1])


def test_scores_of_a_prefix_use_no_more_than_the_prefix():
    model = made()
    vectors = model(packed(*ROWS))
    cut = vectors.clone()
    cut[:, 8:] = 9
    torch.testing.assert_close(model.scores(vectors, 8), model.scores(cut, 8))
    expected = vectors[:, :16] @ model.tag_vectors()[:, :16].T + model.bias
    torch.testing.assert_close(model.scores(vectors, 16), expected)


def test_start_from():
    model = made()
    vectors = torch.randn(40, 32) * 5
    bias = torch.randn(40)
    model.start_from(vectors, bias)
    assert model.tags.weight.square().sum(1).mean().item() == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(torch.nn.functional.normalize(model.tag_vectors()), torch.nn.functional.normalize(vectors))
    torch.testing.assert_close(model.bias, bias)


def plain_loss(scores, shown, hidden):
    total = 0.0
    for row, (seen, wanted) in enumerate(zip(shown, hidden, strict=True)):
        others = [math.exp(scores[row][tag]) for tag in range(len(scores[row])) if tag not in (*seen, *wanted)]
        losses = [-math.log(math.exp(scores[row][tag]) / (math.exp(scores[row][tag]) + sum(others))) for tag in wanted]
        total += sum(losses) / len(losses)
    return total / len(shown)


def test_loss_as_computed_one_by_one():
    shown, hidden = ([1, 2], [0, 7, 9]), ([3], [8, 4])
    scores = torch.randn(2, 10)
    loss = hidden_tag_loss(scores, packed(*shown), packed(*hidden))
    assert loss.item() == pytest.approx(plain_loss(scores.tolist(), shown, hidden), rel=1e-5)


def test_shown_tags_are_left_free_or_punished():
    shown, hidden = packed([1, 2], [0]), packed([3], [4])
    scores = torch.zeros(2, 10, requires_grad=True)
    hidden_tag_loss(scores, shown, hidden).backward()
    assert scores.grad[0, 1] == scores.grad[0, 2] == scores.grad[1, 0] == 0
    assert scores.grad[0, 3] < 0 < scores.grad[0, 5]
    scores.grad = None
    hidden_tag_loss(scores, shown, hidden, unlikelihood=1.0).backward()
    assert scores.grad[0, 1] > 0 and scores.grad[1, 0] > 0


def test_contrastive_loss_prefers_the_own_other_view():
    views = torch.eye(4)
    assert contrastive_loss(views, views) < 0.01 < contrastive_loss(views, views.roll(1, 0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 30}, "width: 30 is not a multiple of heads: 4"),
        ({"nested": (16, 8)}, "must ascend"),
        ({"nested": (8, 64)}, "up to the width 32"),
    ],
)
def test_forms_that_cannot_be(changes, message):
    with pytest.raises(UserError, match=message):
        replace(FORM, **changes)
