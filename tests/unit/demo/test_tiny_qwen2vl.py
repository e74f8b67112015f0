import json
import random

import pytest
import torch
from captioner_answers import generate_answers
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from booruflow.captioning.backends.chat_template import chat_text
from booruflow.demo.descriptions import scene_answer
from booruflow.demo.grounding import prompt_with
from booruflow.demo.scene import choose_scene
from booruflow.demo.tiny_qwen2vl import example_texts, make_model, make_processor, make_tokenizer, save

IMAGES = [Image.new("RGB", size, "red") for size in ((256, 256), (90, 200))]
PROMPTS = [prompt_with([], []), prompt_with(["hat"], ["a_b"])]


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(example_texts(200))


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(1)
    return make_model(tokenizer, hidden=32, layers=1, tower_width=32, tower_layers=1)


@pytest.fixture(scope="module")
def folder(model, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("captioner")
    save(model, make_processor(tokenizer), folder)
    return folder


def test_tokens_are_whole_words_and_decode_to_the_text(tokenizer):
    text = json.dumps(scene_answer(choose_scene(random.Random(2))))
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text) / 3
    unusual = "naïve 着物 \\ \u2028 🎃"
    assert tokenizer.decode(tokenizer(unusual)["input_ids"]) == unusual


def test_saved_weights_are_half_precision_and_the_model_is_unchanged(model, folder):
    loaded = AutoModelForImageTextToText.from_pretrained(folder)
    assert type(loaded).__name__ == "Qwen2VLForConditionalGeneration"
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.allclose(loaded.lm_head.weight.float(), model.lm_head.weight, atol=1e-3)
    assert loaded.generation_config.eos_token_id == model.generation_config.eos_token_id


def test_a_saved_processor_loads_and_its_template_matches_chat(folder):
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    assert type(processor).__name__ == "Qwen2VLPilProcessor"
    for prompt in PROMPTS:
        content = [{"type": "image"}, {"type": "text", "text": prompt.user}]
        turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}]
        text = processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert text == chat_text(prompt, "<|vision_start|><|image_pad|><|vision_end|>")
    inputs = processor(text=[text], images=IMAGES[:1], return_tensors="pt")
    pads = int((inputs["input_ids"] == processor.image_token_id).sum())
    assert pads == int(inputs["image_grid_thw"].prod()) // 4 == int(inputs["mm_token_type_ids"].sum())


def test_the_captioning_backend_runs_it(folder):
    results = generate_answers(folder, IMAGES, PROMPTS, max_new_tokens=4)
    assert [result.id for result in results] == [0, 1]
    assert all(result.completion_tokens == 4 for result in results)
