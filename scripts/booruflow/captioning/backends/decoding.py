"""Batched decoding with transformers: padding, the repetition guard, smaller batches when memory runs out.

torch is imported where it is used: a job with nothing to generate does not import it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from booruflow.captioning.backends.interface import Answer, Failed, Generation, Prepared
from booruflow.captioning.backends.json_constraint import JsonObjects
from booruflow.captioning.parsing.text.repetition import loops

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from xgrammar import CompiledGrammar

GUARD_INTERVAL = 32
"""Tokens between two checks of the repetition guard."""
REQUEST_ERRORS = (RuntimeError, ValueError, TypeError, LookupError, AssertionError, StopIteration, MemoryError)
"""What libraries raise because of one bad request, or when memory runs out."""

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""In the messages of torch.OutOfMemoryError, of torch's allocator for the CPU, and of cuBLAS and its like."""


@dataclass(frozen=True)
class DecodedText:
    """One decoded text; `tokens` includes the end token."""

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


def generate_batch(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    inputs: Mapping[str, Any],
    config: Mapping[str, Any],
    grammar: "CompiledGrammar | None" = None,
) -> list[DecodedText]:
    """Generate one padded batch; the texts are in the order of the rows.

    Greedy when `temperature` is 0. Otherwise the seed is fixed for each batch, so the same batches give the same texts.
    """
    import torch

    eos = model.generation_config.eos_token_id
    end_tokens = set(eos if isinstance(eos, list) else [eos])
    guard = RepetitionGuard(tokenizer, inputs["input_ids"].shape[1], end_tokens)
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
            logits_processor=[] if grammar is None else [JsonObjects(grammar, end_tokens)],
        )
    texts = []
    for row, tokens in enumerate(output[:, guard.start :].tolist()):
        finish_reason, length = "length", len(tokens)
        if row in guard.stopped:
            finish_reason, length = "repetition", guard.stopped[row]
        end = next((position for position, token in enumerate(tokens[:length]) if token in end_tokens), None)
        if end is not None:
            finish_reason, length = "stop", end + 1
        texts.append(DecodedText(tokenizer.decode(tokens[:length], skip_special_tokens=True), finish_reason, length))
    return texts


class RepetitionGuard:
    """A stopping criterion that ends rows whose text loops, and records the length at which it did."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", start: int, end_tokens: set[int]) -> None:
        """`start` is the length of the padded prompts in tokens."""
        self.tokenizer, self.start, self.end_tokens = tokenizer, start, end_tokens
        self.stopped: dict[int, int] = {}

    def __call__(self, input_ids: "torch.Tensor", scores: object, **_: object) -> "torch.Tensor":
        """Which rows are done, (batch,)."""
        import torch

        length = input_ids.shape[1] - self.start
        if length % GUARD_INTERVAL == 0:
            for row, tokens in enumerate(input_ids[:, self.start :].tolist()):
                unfinished = row not in self.stopped and not self.end_tokens.intersection(tokens)
                if unfinished and loops(self.tokenizer.decode(tokens)) is not None:
                    self.stopped[row] = length
        done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        done[list(self.stopped)] = True
        return done


def generate_halving(
    batches: Iterator[list[Prepared]], max_size: int, generate: Callable[[list[Prepared]], list[Generation]]
) -> Iterator[list[Answer]]:
    """Generate all batches; a batch that fails is halved and retried, down to the single request that causes it.

    After running out of memory, later batches stay as small as the ones that fitted.
    """
    for batch in batches:
        parts = [batch[start : start + max_size] for start in range(0, len(batch), max_size)]
        while parts:
            part = parts.pop(0)
            try:
                answers: list[Answer] = [*generate(part)]
            except REQUEST_ERRORS as error:
                reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
                out_of_memory = _is_out_of_memory(error)
                answers = [Failed(part[0].id, reason)] if len(part) == 1 else []
            if answers:
                yield answers
                continue
            half = (len(part) + 1) // 2
            parts[:0] = [part[:half], part[half:]]
            if out_of_memory:
                max_size = min(max_size, half)
                _free_gpu_cache()


def _is_out_of_memory(error: Exception) -> bool:
    """True if the GPU or the machine ran out of memory, also where a library of CUDA did, which torch only reports."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)


def _free_gpu_cache() -> None:
    """Return the memory that the failed batch had reserved on the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
