"""Constrained decoding: the model may only choose tokens that continue a JSON object.

torch and xgrammar are imported where they are used: a job with nothing to generate does not import them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase
    from xgrammar import CompiledGrammar


def wants_json(captioner: Mapping[str, Any]) -> bool:
    """True if the config asks for answers that are constrained to JSON objects."""
    return bool(captioner["constrained"]) and captioner["profile"]["styles"][captioner["style"]]["answer"] == "json"


def json_object_grammar(tokenizer: "PreTrainedTokenizerBase", vocabulary: int) -> "CompiledGrammar":
    """The compiled grammar of a JSON object with any content; `vocabulary` is the width of the model's logits."""
    import xgrammar

    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
    return xgrammar.GrammarCompiler(info).compile_json_schema('{"type": "object"}', strict_mode=False)


class JsonObjects:
    """A transformers logits processor that masks the tokens after which a row could not become a JSON object."""

    def __init__(self, grammar: "CompiledGrammar", end_tokens: set[int]) -> None:
        """For one call of `generate`: it keeps one matcher per row."""
        self.grammar, self.end_tokens = grammar, end_tokens
        self.matchers: list[Any] | None = None

    def __call__(self, input_ids: "torch.Tensor", scores: "torch.Tensor") -> "torch.Tensor":
        """The scores (batch, vocabulary), with minus infinity where a token is not allowed."""
        import xgrammar

        if self.matchers is None:
            stop_tokens = sorted(self.end_tokens)
            self.matchers = [xgrammar.GrammarMatcher(self.grammar, override_stop_tokens=stop_tokens) for _ in input_ids]
            self.mask = xgrammar.allocate_token_bitmask(len(input_ids), scores.shape[1])
        else:
            for matcher, token in zip(self.matchers, input_ids[:, -1].tolist(), strict=True):
                if not matcher.is_terminated():
                    matcher.accept_token(token)  # rejects the padding of a row that the repetition guard ended
        for row, matcher in enumerate(self.matchers):
            if not matcher.is_terminated():
                matcher.fill_next_token_bitmask(self.mask, row)
        xgrammar.apply_token_bitmask_inplace(scores, self.mask.to(scores.device))
        return scores
