"""A tiny Qwen2-VL: the classes of ToriiGate v0.4, a few megabytes small."""

import copy
import json
import random
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from booruflow.demo.grounding import prompt_with, shuffled
from booruflow.demo.pil_processor import Qwen2VLPilProcessor
from booruflow.demo.scene import choose_scene
from booruflow.demo.descriptions import scene_answer, scene_tags

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
# the branch for images of Qwen2-VL's own template
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
"""Images are scaled to about SIDE x SIDE pixels, in whole cells."""
PATCH, MERGE = 14, 2
CELL = PATCH * MERGE
"""Side in pixels of what one image token stands for."""
# not both SIDE * SIDE: Qwen2-VL's smart_resize rounds down with an error, and some sizes would lose a row of cells
MIN_PIXELS, MAX_PIXELS = SIDE * SIDE * 4 // 5, SIDE * SIDE * 5 // 4


def example_texts(count: int = 2500) -> Iterable[str]:
    """Prompts and answers as the model will see them, for the tokenizer to learn from."""
    rng = random.Random(11)
    for _ in range(count):
        scene = choose_scene(rng)
        tags = scene_tags(scene)
        for named in (True, False):
            prompt = prompt_with(shuffled(tags["general"], rng), tags["character"] if named else [])
            yield f"{prompt.user}\n{json.dumps(scene_answer(scene, named))}"
        yield f"system\n{prompt.system}user\nassistant\n"


def make_tokenizer(texts: Iterable[str], size: int = 1400) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that keeps a tag, a word or a run of JSON punctuation whole.

    So sequences are short, and copying a tag from the prompt is one step.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRE_TOKEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
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
    """The processor with this model's pixel limits and chat template."""
    size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    image_processor = Qwen2VLImageProcessorPil(size=size, patch_size=PATCH, merge_size=MERGE)
    return Qwen2VLPilProcessor(image_processor=image_processor, tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)


def make_model(
    tokenizer: PreTrainedTokenizerFast, hidden: int = 128, layers: int = 3, tower_width: int = 96, tower_layers: int = 3
) -> Qwen2VLForConditionalGeneration:
    """An untrained model with four heads everywhere; `hidden` and `tower_width` divide by 32."""
    token = tokenizer.convert_tokens_to_ids
    half_head = hidden // 8  # the three rotary sections (time, height, width) share half a head
    space = (half_head - half_head // 4) // 2
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
                "mrope_section": [half_head - 2 * space, space, space],
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
    """Weights in half precision, the processor, and the processor's class beside them."""
    Qwen2VLPilProcessor.register_for_auto_class()
    copy.deepcopy(model).half().save_pretrained(folder)
    processor.save_pretrained(folder)
