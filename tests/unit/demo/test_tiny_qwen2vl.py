import json
import random

import pytest
import torch
from PIL import Image

from booruflow.demo.asking import ask, load
from booruflow.demo.prompts import user_text
from booruflow.demo.scene import choose_scene
from booruflow.demo.tiny_qwen2vl import example_texts, make_model, make_processor, make_tokenizer, save
from booruflow.demo.wording import answer_of


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(example_texts(200))


def test_tokens_are_whole_words_and_text_comes_back(tokenizer):
    text = json.dumps(answer_of(choose_scene(random.Random(2))))
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text) / 3
    odd = "naïve 着物 \\ \u2028 🎃"
    assert tokenizer.decode(tokenizer(odd)["input_ids"]) == odd


def test_a_saved_model_loads_as_any_qwen2vl_does(tokenizer, tmp_path):
    torch.manual_seed(1)
    model = make_model(tokenizer, hidden=32, layers=1, tower_width=32, tower_layers=1)
    save(model, make_processor(tokenizer), tmp_path)
    loaded, processor = load(tmp_path)
    assert type(loaded).__name__ == "Qwen2VLForConditionalGeneration"
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.allclose(loaded.lm_head.weight, model.lm_head.weight, atol=1e-3)
    assert loaded.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>")
    images = [Image.new("RGB", size, "red") for size in ((256, 256), (90, 200))]
    answers = ask(loaded, processor, images, [user_text([], []), user_text(["hat"], ["a_b"])], most_tokens=4)
    assert len(answers) == 2


def test_model_parameters_stay_as_they_were_when_saved(tokenizer, tmp_path):
    model = make_model(tokenizer, hidden=32, layers=1, tower_width=32, tower_layers=1)
    save(model, make_processor(tokenizer), tmp_path)
    assert model.lm_head.weight.dtype == torch.float32
