"""The tag-set transformer: from a set of tags to one vector, and from the vector to a score for every tag.

A set has no order, so there is no positional encoding: a tag enters as its embedding plus that of its category. Sets of
different sizes are packed, that is concatenated without padding; only attention needs their offsets. The vector is a
Matryoshka embedding (arXiv 2205.13147): each prefix in `matryoshka_sizes` is trained to predict the masked tags alone.

Scores have a second part, as in wide & deep models (arXiv 1606.07792): a sparse linear map from tags to tags.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from booruflow.core.errors import UserError
from booruflow.tokens.settings import architecture_errors

Attention = Literal["padded", "nested"]

FLOOR = 0.1
"""Added to the linear map before its logarithm: a tag that it does not predict is left to the vector."""
RARITY = 0.25
"""Power of the share of sets that have a tag by which its weights of the linear map are divided: it counts more for rare tags."""


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of a model; it determines the shape of every weight."""

    tokens: int
    """Size of the vocabulary."""
    categories: int
    """Number of tag categories."""
    hidden_size: int
    """Of the embeddings and layers; a multiple of `heads`."""
    layers: int
    """Without layers the model is a bag of embeddings."""
    heads: int
    feed_forward_ratio: int
    """Inner size of the feed-forward blocks, as a multiple of `hidden_size`."""
    dropout: float
    neighbours: int
    """Tags from which the linear map predicts each tag; 0 leaves it out."""
    matryoshka_sizes: Sequence[int]
    """Prefixes of the vector that are vectors of their own, ascending; the last is the full size."""

    def __post_init__(self) -> None:
        for line in architecture_errors(self.hidden_size, self.heads, self.matryoshka_sizes):
            raise UserError(line)


@dataclass(frozen=True)
class Sets:
    """A packed batch of sets."""

    tokens: Tensor
    """[all tags] Tag ids, int64."""
    offsets: Tensor
    """[sets + 1] Set i is `tokens[offsets[i]:offsets[i + 1]]`, int64. A set may be empty."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Tensor:
        """[sets] The number of tags of each set."""
        return self.offsets.diff()

    @property
    def rows(self) -> Tensor:
        """[all tags] The index of the set of each tag."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.offsets.device), self.sizes)


def attend_padded(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> Tensor:
    """Attention within each set, padded to the largest set.

    `query`, `key`, `value` and the result are packed, [rows, heads, size]; `offsets` [sets + 1] are the start of each set
    and the end of the last.
    """
    sizes = offsets.diff()
    position = torch.arange(int(sizes.max()), device=offsets.device)
    is_tag = position < sizes[:, None]
    source = (offsets[:-1, None] + position).clamp(max=len(query) - 1)
    query, key, value = (packed[source].transpose(1, 2) for packed in (query, key, value))
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=is_tag[:, None, None, :])
    return mixed.transpose(1, 2)[is_tag]


def attend_nested(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> Tensor:
    """The same as `attend_padded` without padding, with jagged nested tensors; uses flash attention on a GPU."""
    sizes = offsets.diff()
    shortest, longest = int(sizes.min()), int(sizes.max())
    nested = torch.nested.nested_tensor_from_jagged
    query, key, value = (
        nested(packed.contiguous(), offsets, min_seqlen=shortest, max_seqlen=longest).transpose(1, 2)
        for packed in (query, key, value)
    )
    mixed = functional.scaled_dot_product_attention(query, key, value)
    return mixed.transpose(1, 2).contiguous().values()


ATTENTION = {"padded": attend_padded, "nested": attend_nested}


class Block(nn.Module):
    """A pre-norm transformer layer over packed sets: attention within each set, then feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden_size, inner_size = config.hidden_size, config.feed_forward_ratio * config.hidden_size
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(hidden_size)
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size)
        self.mix = nn.Linear(hidden_size, hidden_size)
        self.feed_forward_norm = nn.LayerNorm(hidden_size)
        self.expand = nn.Linear(hidden_size, inner_size)
        self.contract = nn.Linear(inner_size, hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: Tensor, offsets: Tensor, attention: Attention) -> Tensor:
        """[rows, hidden_size] to [rows, hidden_size]."""
        projected = self.query_key_value(self.attention_norm(states))
        query, key, value = projected.view(len(states), 3, self.heads, -1).unbind(1)
        mixed = ATTENTION[attention](query, key, value, offsets)
        states = states + self.dropout(self.mix(mixed.flatten(1)))
        expanded = functional.gelu(self.expand(self.feed_forward_norm(states)))
        contracted: Tensor = self.dropout(self.contract(self.dropout(expanded)))
        return states + contracted


class TagSetModel(nn.Module):
    """Embeds sets of tags; see the docstring of the module."""

    category: Tensor
    neighbours: Tensor
    """[tokens, neighbours] The tags from which the linear map predicts each tag, int64."""
    linear: Tensor
    """[tokens, neighbours] Their weights, divided by the share of the predicted tag to the power of `RARITY`."""

    def __init__(self, config: ModelConfig, category: Tensor, attention: Attention) -> None:
        """A model with random weights.

        Args:
            config: its architecture.
            category: [tokens], the index of the category of each tag.
            attention: the implementation; results are equal, `nested` is meant for GPUs.
        """
        super().__init__()
        self.config = config
        self.attention: Attention = attention
        hidden_size, dimensions = config.hidden_size, config.matryoshka_sizes[-1]
        self.register_buffer("category", category, persistent=False)
        self.register_buffer("neighbours", torch.zeros(config.tokens, config.neighbours, dtype=torch.int64))
        self.register_buffer("linear", torch.zeros(config.tokens, config.neighbours))
        self.tags = nn.Embedding(config.tokens, hidden_size)
        self.categories = nn.Embedding(config.categories, hidden_size)
        self.summary = nn.Parameter(torch.zeros(hidden_size))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(2 * hidden_size)
        self.pool = nn.Linear(2 * hidden_size, dimensions)
        self.vector_norm = nn.LayerNorm(dimensions)
        self.output = nn.Linear(hidden_size, dimensions, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.tokens))
        for name, weight in self.named_parameters():
            if name.endswith("weight") and weight.dim() == 2:
                nn.init.normal_(weight, std=hidden_size**-0.5)
        nn.init.normal_(self.categories.weight, std=0.1 * hidden_size**-0.5)
        nn.init.eye_(self.output.weight)

    @torch.no_grad()
    def initialise(self, vectors: Tensor, log_frequency: Tensor, neighbours: Tensor, linear: Tensor) -> None:
        """Set the tag embeddings to [tokens, hidden_size] vectors, the biases to [tokens] log frequencies, and the linear map.

        The vectors are scaled to a root mean square length of 1, the weights of the linear map by `RARITY`.
        """
        scale = vectors.square().sum(dim=1).mean().sqrt()
        self.tags.weight.copy_(vectors / scale)
        self.bias.copy_(log_frequency)
        self.neighbours.copy_(neighbours)
        self.linear.copy_(linear * torch.exp(-RARITY * log_frequency)[:, None])

    @property
    def parameter_count(self) -> int:
        """The number of weights, trained ones and those of the linear map."""
        return sum(weight.numel() for weight in self.parameters()) + self.linear.numel()

    def forward(self, sets: Sets) -> Tensor:
        """[sets, dimensions] The vector of each set."""
        rows, count = sets.rows, len(sets)
        summary_positions = sets.offsets[:-1] + torch.arange(count, device=rows.device)
        tag_positions = torch.arange(len(rows), device=rows.device) + rows + 1
        offsets = sets.offsets + torch.arange(count + 1, device=rows.device)
        embedded = self.tags(sets.tokens) + self.categories(self.category[sets.tokens])
        states = self.summary.expand(len(rows) + count, -1).index_copy(0, tag_positions, embedded)
        states = self.dropout(states)
        for block in self.blocks:
            states = block(states, offsets, self.attention)
        tags = states[tag_positions]
        total = torch.zeros_like(states[:count]).index_add(0, rows, tags)
        mean = total / sets.sizes.clamp(min=1)[:, None]
        pooled = self.pool(self.norm(torch.cat([states[summary_positions], mean.to(states.dtype)], dim=1)))
        vectors: Tensor = self.vector_norm(pooled)
        return vectors

    def tag_vectors(self) -> Tensor:
        """[tokens, dimensions] The vector of each tag, see `vector_scores`."""
        vectors: Tensor = self.output(self.tags.weight)
        return vectors

    def vector_scores(self, vectors: Tensor, dimensions: int) -> Tensor:
        """[sets, tokens] The score (logit) of every tag, from the first `dimensions` entries of the vectors alone."""
        return vectors[:, :dimensions] @ self.tag_vectors()[:, :dimensions].T + self.bias

    def scores(self, vectors: Tensor, dimensions: int, sets: Sets) -> Tensor:
        """[sets, tokens] The score (logit) of every tag, from the vectors of the sets and from their tags."""
        scores = self.vector_scores(vectors, dimensions)
        if not self.config.neighbours:
            return scores
        present = scores.new_zeros(scores.shape[1], len(sets)).index_put((sets.tokens, sets.rows), scores.new_ones(()))
        predicted = functional.embedding_bag(self.neighbours, present, per_sample_weights=self.linear, mode="sum").T
        return scores + predicted.clamp(min=0).add(FLOOR).log()
