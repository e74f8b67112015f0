"""Checkpoints with random weights and the standard files, in the true size of ToriiGate and TIPO or in a small one.

Weights are drawn on the GPU in bfloat16, since drawing eight billion numbers on a CPU takes minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from booruflow.demo.tiny_qwen2vl import CHAT_TEMPLATE, SPECIAL_TOKENS


@dataclass(frozen=True)
class Shape:
    """The sizes of both models."""

    tokens: int
    """Of the tokenizer, before the special ones."""
    logits: int
    """The width of the captioner's output, which is padded."""
    captioner: Mapping[str, Any]
    tower: Mapping[str, Any]
    rotary_sections: tuple[int, int, int]
    """Of half a head: for time, height and width."""
    tipo: Mapping[str, Any]


FULL = Shape(
    tokens=151_643,
    logits=152_064,
    captioner={
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 32_768,
    },
    tower={"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584},
    rotary_sections=(16, 24, 24),
    tipo={
        "hidden_size": 1280,
        "intermediate_size": 3840,
        "num_hidden_layers": 20,
        "num_attention_heads": 20,
        "num_key_value_heads": 20,
        "max_position_embeddings": 1024,
        "vocab_size": 32_013,
    },
)
"""The config of Qwen2-VL-7B, whose fine-tune ToriiGate v0.4 is, and a LLaMA of 508 million parameters, for TIPO-500M."""

SMALL = Shape(
    tokens=1_200,
    logits=1_280,
    captioner={
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32_768,
    },
    tower={"depth": 2, "embed_dim": 32, "num_heads": 4, "hidden_size": 64},
    rotary_sections=(2, 3, 3),
    tipo={
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 1024,
        "vocab_size": 1_300,
    },
)


def make_tokenizer(tokens: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of this size: bytes, pairs of letters and of others, pairs of pairs; then the special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    ordered = [*letters, *(byte for byte in alphabet if byte not in letters)]
    pairs = list(product(ordered, ordered))
    words = [first + second for first, second in product(letters, letters)]
    every_merge = [*pairs[: len(letters) * len(ordered)], *product(words, words), *pairs[len(letters) * len(ordered) :]]
    merges = list(islice(every_merge, tokens - len(alphabet)))
    names = [*alphabet, *(first + second for first, second in merges)]
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", *SPECIAL_TOKENS[3:]],
        chat_template=CHAT_TEMPLATE,
    )


def save_captioner(folder: Path, shape: Shape, device: str) -> int:
    """Write a Qwen2-VL checkpoint; returns its number of parameters."""
    tokenizer = make_tokenizer(shape.tokens)
    token = tokenizer.convert_tokens_to_ids
    end = {"bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|im_end|>"), "pad_token_id": token("<|endoftext|>")}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": list(shape.rotary_sections)}
    patch = {"patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "mlp_ratio": 4}
    config = Qwen2VLConfig(
        text_config={**shape.captioner, **end, "vocab_size": shape.logits, "rope_parameters": rope},
        vision_config={**shape.tower, **patch},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    parameters = _save(Qwen2VLForConditionalGeneration, config, end, folder, device)
    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}
    Qwen2VLImageProcessorPil(size=size, patch_size=14, merge_size=2).save_pretrained(folder)
    return parameters


def save_tipo(folder: Path, shape: Shape, device: str) -> int:
    """Write a LLaMA checkpoint; returns its number of parameters."""
    tokenizer = make_tokenizer(shape.tipo["vocab_size"] - 2 * len(SPECIAL_TOKENS))
    token = tokenizer.convert_tokens_to_ids
    end = {"bos_token_id": token("<|endoftext|>"), "eos_token_id": token("<|im_end|>"), "pad_token_id": token("<|endoftext|>")}
    parameters = _save(LlamaForCausalLM, LlamaConfig(**shape.tipo, **end), end, folder, device)
    tokenizer.save_pretrained(folder)
    return parameters


def _save(kind: type, config: Any, end: Mapping[str, int], folder: Path, device: str) -> int:  # noqa: ANN401
    torch.manual_seed(7)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = kind(config)
    finally:
        torch.set_default_dtype(before)
    for name, value in end.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())
