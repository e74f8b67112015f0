"""Constrained decoding for exllamav2: its own kind of filter around an xgrammar matcher."""

from typing import TYPE_CHECKING, Any

import xgrammar
from exllamav2.generator.filters import ExLlamaV2Filter

if TYPE_CHECKING:
    import torch


class JsonObjectFilter(ExLlamaV2Filter):  # type: ignore[misc]  # exllamav2 is not typed
    """Masks the tokens after which a text could not become a JSON object; one filter per job."""

    def __init__(self, model: object, tokenizer: object, grammar: xgrammar.CompiledGrammar) -> None:
        super().__init__(model, tokenizer)
        self.matcher = xgrammar.GrammarMatcher(grammar)
        self.vocabulary = grammar.tokenizer_info.vocab_size
        self.mask = xgrammar.allocate_token_bitmask(1, self.vocabulary)

    def begin(self, prefix_str: str) -> None:
        """Start a text."""
        self.matcher.reset()

    def feed(self, token: Any) -> None:  # noqa: ANN401 (a token id, or a tensor that holds one)
        """Record the chosen token."""
        if not self.matcher.is_terminated():
            self.matcher.accept_token(int(token))

    def use_background_worker(self) -> bool:
        """Compute the mask in a thread, while the GPU works."""
        return True

    def can_mask_logits(self) -> bool:
        """This filter applies the mask itself."""
        return True

    def prepare_logit_mask(self) -> bool:
        """Compute the mask of the next token."""
        if not self.matcher.is_terminated():
            self.matcher.fill_next_token_bitmask(self.mask)
        return True

    def mask_logits(self, logits: "torch.Tensor") -> "torch.Tensor":
        """The logits (padded vocabulary,) with minus infinity where a token is not allowed."""
        xgrammar.apply_token_bitmask_inplace(logits[: self.vocabulary], self.mask[0].to(logits.device))
        logits[self.vocabulary :] = float("-inf")
        return logits
