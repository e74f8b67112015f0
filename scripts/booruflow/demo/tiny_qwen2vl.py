"""A tiny Qwen2-VL: the classes of ToriiGate v0.4 in a few megabytes, with its tokenizer and image processing."""

import copy
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from booruflow.demo.descriptions import scene_answer, scene_tags
from booruflow.demo.grounding import prompt_with, shuffled
from booruflow.demo.pil_processor import Qwen2VLPilProcessor
from booruflow.demo.scene import choose_scene

Pixels = NDArray[np.uint8]

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
# Qwen2-VL's own template, without its branch for videos
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' or 'image' in c %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in c %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# a word or a tag (with its comma and space) | a run of punctuation, such as `.", "` | white space
PRE_TOKEN = r",? ?[\w()]+|[^\w\s]+(?: +[^\w\s]+)*|\s+"

SIDE = 140
"""Images are resized to about SIDE x SIDE pixels; width and height are multiples of CELL."""
PATCH, MERGE = 14, 2
CELL = PATCH * MERGE
"""Side in pixels of the square that one image token covers."""
# not both SIDE * SIDE: smart_resize of Qwen2-VL rounds down, so some sizes would lose a row of cells
MIN_PIXELS, MAX_PIXELS = SIDE * SIDE * 4 // 5, SIDE * SIDE * 5 // 4


def example_texts(count: int = 2500) -> Iterable[str]:
    """Prompts and answers as the model will see them, to train the tokenizer on."""
    rng = random.Random(11)
    for _ in range(count):
        scene = choose_scene(rng)
        tags = scene_tags(scene)
        for named in (True, False):
            prompt = prompt_with(shuffled(tags["general"], rng), tags["character"] if named else [])
            yield f"{prompt.user}\n{json.dumps(scene_answer(scene, named))}"
        yield f"system\n{prompt.system}user\nassistant\n"


def make_tokenizer(texts: Iterable[str], size: int = 1400) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer that keeps a tag, a word or a run of JSON punctuation whole.

    Sequences are short, and copying a tag from the prompt takes one step.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PRE_TOKEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL_TOKENS,
        min_frequency=3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", *SPECIAL_TOKENS[3:]],
        padding_side="left",
        model_max_length=2048,
    )


def make_processor(tokenizer: PreTrainedTokenizerFast) -> Qwen2VLPilProcessor:
    """A processor with this model's pixel limits and chat template."""
    size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    image_processor = Qwen2VLImageProcessorPil(size=size, patch_size=PATCH, merge_size=MERGE)
    return Qwen2VLPilProcessor(image_processor=image_processor, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)


def resized(image: Image.Image) -> Pixels:
    """The image as the image processor resizes it: (height, width, 3)."""
    height, width = smart_resize(image.height, image.width, CELL, MIN_PIXELS, MAX_PIXELS)
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def patches(pixels: Pixels, mean: Sequence[float], std: Sequence[float]) -> tuple[Tensor, Tensor]:
    """uint8 (images, height, width, 3) -> `pixel_values` and `image_grid_thw` as the image processor computes them."""
    count, height, width, _ = pixels.shape
    rows, columns = height // PATCH, width // PATCH
    x = (torch.from_numpy(pixels).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    x = x.permute(0, 3, 1, 2).reshape(count, 3, rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH)
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, 2, -1, -1)
    return x.reshape(count * rows * columns, -1), torch.tensor([[1, rows, columns]] * count)


def make_model(
    tokenizer: PreTrainedTokenizerFast, hidden: int = 128, layers: int = 3, tower_width: int = 96, tower_layers: int = 3
) -> Qwen2VLForConditionalGeneration:
    """An untrained model with four attention heads per layer; `hidden` and `tower_width` are multiples of 32."""
    token = tokenizer.convert_tokens_to_ids
    half_head = hidden // 8  # the three rotary sections (time, height, width) share half a head
    spatial = (half_head - half_head // 4) // 2
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": hidden * 5 // 2,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 2048,
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [half_head - 2 * spatial, spatial, spatial],
            },
        },
        vision_config={
            "depth": tower_layers,
            "embed_dim": tower_width,
            "hidden_size": hidden,
            "num_heads": 4,
            "mlp_ratio": 4,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = token("<|im_end|>")
    model.generation_config.pad_token_id = token("<|endoftext|>")
    return model


def save(model: Qwen2VLForConditionalGeneration, processor: Qwen2VLPilProcessor, folder: Path) -> None:
    """Save the weights in half precision, the processor, and the source file of the processor's class."""
    Qwen2VLPilProcessor.register_for_auto_class()
    copy.deepcopy(model).half().save_pretrained(folder)
    processor.save_pretrained(folder)
