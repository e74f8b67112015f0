"""Tiny models with random weights, saved as checkpoints with the standard files, for tests of the backends."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
CHAT_ML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_THOUGHTS = (
    "{% if add_generation_prompt %}{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% else %}<think>\n{% endif %}{% endif %}"
)
"""How templates of the Qwen3.5 family begin an answer."""
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes and the special tokens of Qwen2-VL."""
    bytes_only = Tokenizer(models.BPE())
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_only.train_from_iterator(
        [], trainers.BpeTrainer(special_tokens=SPECIALS, initial_alphabet=alphabet, vocab_size=300, show_progress=False)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_only,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", *SPECIALS[3:]],
    )


def tiny_qwen(folder: Path, kind: str = "qwen2_vl") -> Path:
    """A checkpoint of `qwen2_vl`, `qwen2_5_vl`, `qwen3_vl` or `qwen3_5`, whose layers are half linear and half full attention."""
    byte_tokenizer = tokenizer()
    text = TEXT | {"vocab_size": len(byte_tokenizer)}
    ids = {"image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 3, "vision_end_token_id": 4}
    tower = {"depth": 2, "num_heads": 4, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}
    torch.manual_seed(7)
    if kind == "qwen2_vl":
        tower |= {"embed_dim": 32, "hidden_size": 64}
        config = Qwen2VLConfig(text_config=text | {"rope_parameters": ROPE}, vision_config=tower, **ids)
        model = Qwen2VLForConditionalGeneration(config)
    elif kind == "qwen2_5_vl":
        tower |= {
            "hidden_size": 32,
            "intermediate_size": 64,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
            "window_size": 56,
        }
        config = Qwen2_5_VLConfig(text_config=text | {"rope_parameters": ROPE}, vision_config=tower, **ids)
        model = Qwen2_5_VLForConditionalGeneration(config)
    elif kind == "qwen3_5":
        tower |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64, "patch_size": 16}
        linear = {"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4}
        rope = {**ROPE, "partial_rotary_factor": 0.5, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
        text |= {**linear, "num_hidden_layers": 4, "head_dim": 16, "layer_types": ["linear_attention", "full_attention"] * 2}
        config = Qwen3_5Config(text_config=text | {"rope_parameters": rope}, vision_config=tower, **ids)
        model = Qwen3_5ForConditionalGeneration(config)
    else:
        tower |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64, "deepstack_visual_indexes": [0]}
        config = Qwen3VLConfig(text_config=text | {"rope_parameters": ROPE, "head_dim": 16}, vision_config=tower, **ids)
        model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    byte_tokenizer.chat_template = CHAT_ML + (NO_THOUGHTS if kind == "qwen3_5" else "")
    byte_tokenizer.save_pretrained(folder)
    size = {"shortest_edge": 784, "longest_edge": 6272}
    Qwen2VLImageProcessorPil(size=size, patch_size=tower["patch_size"], merge_size=2).save_pretrained(folder)
    return folder


def tiny_llama(folder: Path) -> Path:
    """A checkpoint of TIPO's model class."""
    byte_tokenizer = tokenizer()
    torch.manual_seed(7)
    model = LlamaForCausalLM(LlamaConfig(**TEXT, vocab_size=len(byte_tokenizer)))
    model.save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder
