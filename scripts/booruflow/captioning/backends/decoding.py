"""Batched decoding with transformers: padding, JSON by construction, the repetition guard, smaller batches.

torch and xgrammar are imported where they are used: a job with nothing left to generate never pays for them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from booruflow.captioning.backends import Failed, Outcome, Prepared, Result
from booruflow.captioning.parsing.text.repetition import loops

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from xgrammar import CompiledGrammar

GUARD_EVERY = 32
"""The repetition guard looks at the texts once in so many tokens."""

FAULTS = (RuntimeError, ValueError, TypeError, LookupError, AssertionError, StopIteration, MemoryError)
"""What libraries raise over one bad request, or when memory runs out."""


@dataclass(frozen=True)
class Answer:
    """One decoded text; `tokens` counts the end token too."""

    text: str
    finish_reason: str
    tokens: int


def pad_left(rows: list[list[int]], pad: int) -> dict[str, Any]:
    """`input_ids` and `attention_mask` (batch, longest row) of token rows of different lengths."""
    import torch

    longest = max(map(len, rows))
    gaps = [longest - len(row) for row in rows]
    return {
        "input_ids": torch.tensor([[pad] * gap + row for gap, row in zip(gaps, rows, strict=True)]),
        "attention_mask": torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps]),
    }


def decode(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    inputs: Mapping[str, Any],
    config: Mapping[str, Any],
    grammar: "CompiledGrammar | None" = None,
) -> list[Answer]:
    """Generate for one padded batch; each answer keeps its place.

    Greedy when `temperature` is 0. Otherwise the seed is fixed for each batch, so the same batches give the same texts.
    """
    import torch

    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    guard = RepetitionGuard(tokenizer, inputs["input_ids"].shape[1], ends)
    sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if config["temperature"] > 0:
        torch.manual_seed(0)
        sampling = {"do_sample": True, "temperature": config["temperature"], "top_p": config["top_p"], "top_k": 0}
    with torch.inference_mode():
        output = model.generate(
            **inputs,
            **sampling,
            max_new_tokens=config["max_new_tokens"],
            repetition_penalty=config["repetition_penalty"],
            pad_token_id=tokenizer.pad_token_id,
            stopping_criteria=[guard],
            logits_processor=[] if grammar is None else [JsonObjects(grammar, ends)],
        )
    answers = []
    for row, tokens in enumerate(output[:, guard.start :].tolist()):
        finish_reason, length = "length", len(tokens)
        if row in guard.stopped:
            finish_reason, length = "repetition", guard.stopped[row]
        end = next((at for at, token in enumerate(tokens[:length]) if token in ends), None)
        if end is not None:
            finish_reason, length = "stop", end + 1
        text = tokenizer.decode(tokens[:length], skip_special_tokens=True)
        answers.append(Answer(text, finish_reason, length))
    return answers


class RepetitionGuard:
    """A stopping criterion: ends the rows that go round in circles, and remembers at which length."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", start: int, ends: set[int]) -> None:
        """`start` is the length of the padded prompts, `ends` are the tokens that end a text."""
        self.tokenizer, self.start, self.ends = tokenizer, start, ends
        self.stopped: dict[int, int] = {}

    def __call__(self, input_ids: "torch.Tensor", scores: object, **_: object) -> "torch.Tensor":
        """Which rows are done, (batch,)."""
        import torch

        length = input_ids.shape[1] - self.start
        if length % GUARD_EVERY == 0:
            for row, tokens in enumerate(input_ids[:, self.start :].tolist()):
                going = row not in self.stopped and not self.ends.intersection(tokens)
                if going and loops(self.tokenizer.decode(tokens)) is not None:
                    self.stopped[row] = length
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        done[list(self.stopped)] = True
        return done


def json_object_grammar(tokenizer: "PreTrainedTokenizerBase", vocabulary: int) -> "CompiledGrammar":
    """The compiled grammar of a JSON object with any content, for `JsonObjects`."""
    import xgrammar

    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
    return xgrammar.GrammarCompiler(info).compile_json_schema('{"type": "object"}', strict_mode=False)


class JsonObjects:
    """A logits processor: masks the tokens with which a row would stop being the beginning of a JSON object."""

    def __init__(self, grammar: "CompiledGrammar", ends: set[int]) -> None:
        """For one call of `generate`: it keeps a matcher for each row."""
        self.grammar, self.ends = grammar, ends
        self.matchers: list[Any] | None = None

    def __call__(self, input_ids: "torch.Tensor", scores: "torch.Tensor") -> "torch.Tensor":
        """The scores (batch, vocabulary), with minus infinity where a token is not allowed."""
        import xgrammar

        if self.matchers is None:
            self.matchers = [xgrammar.GrammarMatcher(self.grammar, override_stop_tokens=sorted(self.ends)) for _ in input_ids]
            self.mask = xgrammar.allocate_token_bitmask(len(input_ids), scores.shape[1])
        else:
            for matcher, token in zip(self.matchers, input_ids[:, -1].tolist(), strict=True):
                if not matcher.is_terminated():
                    matcher.accept_token(token)  # refuses the padding of a row that the guard ended
        for row, matcher in enumerate(self.matchers):
            if not matcher.is_terminated():
                matcher.fill_next_token_bitmask(self.mask, row)
        xgrammar.apply_token_bitmask_inplace(scores, self.mask.to(scores.device))
        return scores


def halving(
    batches: Iterator[list[Prepared]], limit: int, answer: Callable[[list[Prepared]], list[Result]]
) -> Iterator[list[Outcome]]:
    """Answer all batches; one that fails is tried in halves, down to the request whose fault it is.

    When memory ran out, later batches stay as small as what fitted.
    """
    for batch in batches:
        parts = [batch[at : at + limit] for at in range(0, len(batch), limit)]
        while parts:
            part = parts.pop(0)
            try:
                done: list[Outcome] = [*answer(part)]
            except FAULTS as error:
                problem = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
                exhausted = _is_exhausted(error)
                done = [Failed(part[0].id, problem)] if len(part) == 1 else []
            if done:
                yield done
                continue
            half = (len(part) + 1) // 2
            parts[:0] = [part[:half], part[half:]]
            if exhausted:
                limit = min(limit, half)
                _free_cache()


def _is_exhausted(error: Exception) -> bool:
    """True when memory ran out, the GPU's or the machine's."""
    import torch

    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def _free_cache() -> None:
    """Give back what the failed batch had reserved on the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
