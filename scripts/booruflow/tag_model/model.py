"""The tag-set transformer: a set of tags in, one vector out, and from it a score for every tag.

A set has no order, so there is no positional encoding: a tag is its embedding plus its category's. Sets of all sizes
lie packed, one behind the other, and only attention needs to know where one ends. The first 32 (64, ...) entries of
the vector are a vector of their own: each prefix in `nested` is trained to predict the hidden tags by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from booruflow.core.errors import UserError

Attention = Literal["padded", "nested"]


@dataclass(frozen=True)
class ModelConfig:
    """The form of a model; with the vocabulary it fixes the shape of every weight."""

    tokens: int
    """Size of the vocabulary."""
    categories: int
    """How many categories tags have."""
    width: int = 128
    """Of the embeddings and of the layers; a multiple of `heads`."""
    layers: int = 2
    """With none the model is a bag of embeddings."""
    heads: int = 4
    feed_forward: int = 2
    """Width of the hidden part of a feed-forward block, in widths."""
    dropout: float = 0.2
    nested: Sequence[int] = (32, 64, 128)
    """Sizes of the nested vectors, ascending; the last is the whole vector and at most the width."""

    def __post_init__(self) -> None:
        sizes = list(self.nested)
        if self.width % self.heads:
            raise UserError(f"tag_model.form.width: {self.width} is not a multiple of heads: {self.heads}")
        if sizes != sorted(set(sizes)) or sizes[-1] > self.width:
            raise UserError(f"tag_model.form.nested: {sizes} must ascend, up to the width {self.width} at most")


@dataclass(frozen=True)
class Sets:
    """A batch of sets, packed."""

    tokens: Tensor
    """[all tags] Tag ids, int64."""
    offsets: Tensor
    """[sets + 1] Set i is `tokens[offsets[i]:offsets[i + 1]]`, int64. A set may be empty."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Tensor:
        """[sets] How many tags each set has."""
        return self.offsets.diff()

    @property
    def rows(self) -> Tensor:
        """[all tags] The set each tag stands in."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.offsets.device), self.sizes)


def attend_padded(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> Tensor:
    """Attention within each set by padding to the longest.

    Args:
        query: [rows, heads, size], packed; also `key` and `value`.
        key: as `query`.
        value: as `query`.
        offsets: [sets + 1], where each set starts.

    Returns:
        [rows, heads, size], packed.
    """
    sizes = offsets.diff()
    place = torch.arange(int(sizes.max()), device=offsets.device)
    real = place < sizes[:, None]
    source = (offsets[:-1, None] + place).clamp(max=len(query) - 1)
    query, key, value = (packed[source].transpose(1, 2) for packed in (query, key, value))
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=real[:, None, None, :])
    return mixed.transpose(1, 2)[real]


def attend_nested(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> Tensor:
    """The same as `attend_padded` without padding, by jagged nested tensors; flash attention on a GPU."""
    sizes = offsets.diff()
    shortest, longest = int(sizes.min()), int(sizes.max())
    query, key, value = (
        torch.nested.nested_tensor_from_jagged(packed.contiguous(), offsets, min_seqlen=shortest, max_seqlen=longest).transpose(
            1, 2
        )
        for packed in (query, key, value)
    )
    mixed = functional.scaled_dot_product_attention(query, key, value)
    return mixed.transpose(1, 2).contiguous().values()


ATTENTION = {"padded": attend_padded, "nested": attend_nested}


class Block(nn.Module):
    """A pre-norm transformer layer over packed sets: attention within each set, then feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.feed_forward * config.width
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: Tensor, offsets: Tensor, attention: Attention) -> Tensor:
        """[rows, width] to [rows, width]."""
        projected = self.query_key_value(self.attention_norm(states))
        query, key, value = projected.view(len(states), 3, self.heads, -1).unbind(1)
        mixed = ATTENTION[attention](query, key, value, offsets)
        states = states + self.dropout(self.mix(mixed.flatten(1)))
        expanded = functional.gelu(self.expand(self.feed_forward_norm(states)))
        contracted: Tensor = self.dropout(self.contract(self.dropout(expanded)))
        return states + contracted


class TagSetModel(nn.Module):
    """Embeds sets of tags; see the module's docstring."""

    category: Tensor

    def __init__(self, config: ModelConfig, category: Tensor, attention: Attention = "padded") -> None:
        """A model with small random weights.

        Args:
            config: its form.
            category: [tokens], the index of each tag's category.
            attention: how sets are attended to; the results are equal, `nested` is for GPUs.
        """
        super().__init__()
        self.config = config
        self.attention: Attention = attention
        width, dimensions = config.width, config.nested[-1]
        self.register_buffer("category", category, persistent=False)
        self.tags = nn.Embedding(config.tokens, width)
        self.categories = nn.Embedding(config.categories, width)
        self.summary = nn.Parameter(torch.zeros(width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(2 * width)
        self.pool = nn.Linear(2 * width, dimensions)
        self.vector_norm = nn.LayerNorm(dimensions)
        self.output = nn.Linear(width, dimensions, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.tokens))
        for name, weight in self.named_parameters():
            if name.endswith("weight") and weight.dim() == 2:
                nn.init.normal_(weight, std=width**-0.5)
        nn.init.normal_(self.categories.weight, std=0.1 * width**-0.5)
        nn.init.eye_(self.output.weight)

    @torch.no_grad()
    def start_from(self, vectors: Tensor, log_frequency: Tensor) -> None:
        """Begin where counting ends: tag embeddings from [tokens, width] vectors, biases from [tokens] logarithms.

        The vectors are scaled to a root mean square length of 1.
        """
        scale = vectors.square().sum(dim=1).mean().sqrt()
        self.tags.weight.copy_(vectors / scale)
        self.bias.copy_(log_frequency)

    def forward(self, sets: Sets) -> Tensor:
        """[sets, dimensions] The vector of each set."""
        rows, count = sets.rows, len(sets)
        summary_places = sets.offsets[:-1] + torch.arange(count, device=rows.device)
        tag_places = torch.arange(len(rows), device=rows.device) + rows + 1
        offsets = sets.offsets + torch.arange(count + 1, device=rows.device)
        embedded = self.tags(sets.tokens) + self.categories(self.category[sets.tokens])
        states = self.summary.expand(len(rows) + count, -1).index_copy(0, tag_places, embedded)
        states = self.dropout(states)
        for block in self.blocks:
            states = block(states, offsets, self.attention)
        tags = states[tag_places]
        total = torch.zeros_like(states[:count]).index_add(0, rows, tags)
        mean = total / sets.sizes.clamp(min=1)[:, None]
        pooled = self.pool(self.norm(torch.cat([states[summary_places], mean.to(states.dtype)], dim=1)))
        vectors: Tensor = self.vector_norm(pooled)
        return vectors

    def tag_vectors(self) -> Tensor:
        """[tokens, dimensions] One vector a tag: its product with a set's vector is how well the tag suits the set."""
        vectors: Tensor = self.output(self.tags.weight)
        return vectors

    def scores(self, vectors: Tensor, dimensions: int) -> Tensor:
        """[sets, tokens] The score (logit) of every tag from the first `dimensions` entries of vectors."""
        return vectors[:, :dimensions] @ self.tag_vectors()[:, :dimensions].T + self.bias


def hidden_tag_loss(scores: Tensor, shown: Sets, hidden: Sets, unlikelihood: float = 0.0) -> Tensor:
    """How badly scores predict the hidden tags, each once: cross-entropy, averaged over a set's tags, then over sets.

    A hidden tag competes with the tags that its set does not have: not with the shown ones, since what is there is
    not asked for, nor with the other hidden ones, which are just as right.

    Args:
        scores: [sets, tokens].
        shown: the tags that the model saw.
        hidden: the tags to predict, at least one a set.
        unlikelihood: weight of the punishment (arXiv 1908.04319) of giving probability to tags that are there already;
            0 leaves their scores free.
    """
    hidden_rows, shown_rows = hidden.rows, shown.rows
    scores = scores.float()
    right = scores[hidden_rows, hidden.tokens]
    taken = torch.zeros_like(scores, dtype=torch.bool)
    taken[hidden_rows, hidden.tokens] = True
    taken[shown_rows, shown.tokens] = True
    others = scores.masked_fill(taken, -torch.inf).logsumexp(dim=1)
    surprise = functional.softplus(others[hidden_rows] - right)
    loss = (surprise / hidden.sizes[hidden_rows]).sum() / len(hidden)
    if unlikelihood:
        chance = scores.log_softmax(dim=1)[shown_rows, shown.tokens].exp()
        punishment = -torch.log1p(-chance.clamp(max=1 - 1e-6))
        loss = loss + unlikelihood * (punishment / shown.sizes[shown_rows]).sum() / len(shown)
    return loss


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.05) -> Tensor:
    """InfoNCE (as in SimCSE, arXiv 2104.08821) between two views [sets, dimensions] of the same sets."""
    similar = functional.normalize(first.float(), dim=1) @ functional.normalize(second.float(), dim=1).T
    return functional.cross_entropy(similar / temperature, torch.arange(len(first), device=first.device))
