from dataclasses import replace

import pytest
import torch

from booruflow.core.errors import UserError
from booruflow.tag_model.model import ModelConfig, Sets, TagSetModel

CONFIG = ModelConfig(
    tokens=40,
    categories=3,
    hidden_size=32,
    layers=2,
    heads=4,
    feed_forward_ratio=2,
    dropout=0.0,
    neighbours=2,
    matryoshka_sizes=(8, 16, 32),
)


def build(config=CONFIG, attention="padded"):
    torch.manual_seed(0)
    model = TagSetModel(config, torch.arange(config.tokens) % config.categories, attention)
    return model.eval()


def packed(*rows):
    sizes = torch.tensor([0, *map(len, rows)])
    return Sets(torch.tensor([tag for row in rows for tag in row], dtype=torch.int64), sizes.cumsum(0))


ROWS = ([3, 5, 7, 11, 13], [1], [20, 2, 39], list(range(15)))


def test_order_does_not_matter():
    model = build()
    reversed_rows = [list(reversed(row)) for row in ROWS]
    torch.testing.assert_close(model(packed(*ROWS)), model(packed(*reversed_rows)), atol=2e-6, rtol=0)


@pytest.mark.parametrize("attention", ["padded", "nested"])
def test_other_sets_of_the_batch_do_not_matter(attention):
    model = build(attention=attention)
    together = model(packed(*ROWS))
    for row, vector in zip(ROWS, together, strict=True):
        torch.testing.assert_close(model(packed(row))[0], vector, atol=2e-6, rtol=0)


def test_padded_and_nested_attention_are_equal_forward_and_backward():
    results = []
    weights = torch.randn(len(ROWS), 32)
    for attention in ("padded", "nested"):
        model = build(attention=attention)
        vectors = model(packed(*ROWS))
        (vectors * weights).sum().backward()
        results.append((vectors.detach(), {name: weight.grad for name, weight in model.named_parameters()}))
    (first, first_gradients), (second, second_gradients) = results
    torch.testing.assert_close(first, second, atol=2e-6, rtol=0)
    for name, gradient in first_gradients.items():
        if gradient is not None:
            torch.testing.assert_close(second_gradients[name], gradient, atol=1e-4, rtol=1e-3)


def test_an_empty_set_has_a_vector():
    vectors = build()(packed([], [1, 2], []))
    assert torch.isfinite(vectors).all()
    torch.testing.assert_close(vectors[0], vectors[2])
    assert not torch.equal(vectors[0], vectors[1])


def test_a_bag_has_no_layers():
    model = build(replace(CONFIG, layers=0))
    assert len(model.blocks) == 0
    assert model(packed(*ROWS)).shape == (4, 32)


def test_the_category_of_a_tag_matters():
    model = build()
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
    model = build()
    vectors = model(packed(*ROWS))
    cut = vectors.clone()
    cut[:, 8:] = 9
    torch.testing.assert_close(model.vector_scores(vectors, 8), model.vector_scores(cut, 8))
    expected = vectors[:, :16] @ model.tag_vectors()[:, :16].T + model.bias
    torch.testing.assert_close(model.vector_scores(vectors, 16), expected)


def test_the_linear_map_adds_what_the_tags_of_a_set_predict():
    model, sets = build(), packed([3, 5], [], [5])
    with torch.no_grad():
        model.neighbours[7], model.linear[7] = torch.tensor([3, 5]), torch.tensor([0.5, 0.2])
        model.neighbours[8], model.linear[8] = torch.tensor([5, 0]), torch.tensor([-0.5, 0.0])
        vectors = model(sets)
        added = (model.scores(vectors, 32, sets) - model.vector_scores(vectors, 32)).exp()
    expected = torch.full((3, 40), 0.1)
    expected[:, 7] = torch.tensor([0.8, 0.1, 0.3])
    torch.testing.assert_close(added, expected)


def test_a_model_without_neighbours_scores_by_its_vectors():
    model, sets = build(replace(CONFIG, neighbours=0)), packed(*ROWS)
    vectors = model(sets)
    assert torch.equal(model.scores(vectors, 32, sets), model.vector_scores(vectors, 32))


def test_initial_embeddings_and_biases():
    model = build()
    vectors = torch.randn(40, 32) * 5
    bias = torch.randn(40)
    model.initialise(vectors, bias, torch.full((40, 2), 5), torch.full((40, 2), 0.5))
    assert model.tags.weight.square().sum(1).mean().item() == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(torch.nn.functional.normalize(model.tag_vectors()), torch.nn.functional.normalize(vectors))
    torch.testing.assert_close(model.bias, bias)
    assert (model.neighbours == 5).all()
    torch.testing.assert_close(model.linear, 0.5 / bias.exp().pow(0.25)[:, None].expand(40, 2))
    assert model.parameter_count == sum(weight.numel() for weight in model.parameters()) + 80


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 30}, r"hidden_size: 30 is not a multiple of heads \(4\)"),
        ({"matryoshka_sizes": (16, 8)}, "must ascend"),
        ({"matryoshka_sizes": (8, 64)}, r"at most hidden_size \(32\)"),
    ],
)
def test_impossible_architectures_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(CONFIG, **changes)
