from pathlib import Path

import pytest
import torch
from PIL import Image
from small_shards import CAPTIONER
from tiny_models import tiny_qwen

from booruflow.captioning.backends.chat_template import IMAGE, chat_text
from booruflow.captioning.backends.interface import Failed, Generation, Request
from booruflow.captioning.backends.transformers import TransformersBackend
from booruflow.captioning.prompts.prompt import prompt_of
from booruflow.core.errors import Unreadable, UserError

ROOT = Path(__file__).parents[4]
SIZES = [(60, 40), (200, 90), (90, 200), (33, 150), (120, 120)]


@pytest.fixture(scope="module", params=["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"])
def tiny(request, tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_qwen(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture(scope="module")
def tiny_qwen2vl(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_qwen(tmp_path_factory.mktemp("models") / "tiny")


def loaded(model, **changes):
    backend = TransformersBackend(CAPTIONER | {"model": str(model)} | changes)
    backend.load()
    return backend


def requests(sizes=SIZES):
    for number, size in enumerate(sizes):
        image = Image.linear_gradient("L").resize(size).convert("RGB").rotate(90 * number)
        yield Request(number, prompt_of("json", "1girl, " + "hat, " * number, ""), image)


def answers_of(backend, batches):
    return {answer.id: answer for part in backend.generate(iter(batches)) for answer in part}


def test_a_padded_batch_gives_the_same_texts_as_single_requests(tiny):
    backend = loaded(tiny)
    prepared = [backend.prepare(request) for request in requests()]
    assert len({one.size for one in prepared}) > 2
    together = answers_of(backend, [prepared])
    alone = answers_of(backend, [[one] for one in prepared])
    assert [together[n].text for n in range(5)] == [alone[n].text for n in range(5)]
    assert {one.prompt_tokens for one in together.values()} == {one.size for one in prepared}
    assert all(1 <= one.completion_tokens <= 12 for one in together.values())


def test_the_demo_captioner_gives_the_same_text_with_its_own_processor():
    """The backend's inputs equal those of the checkpoint's own processor class and chat template."""
    from booruflow.demo.pil_processor import Qwen2VLPilProcessor

    folder = ROOT / "sample/captioner"
    limits = {"min_pixels": None, "max_pixels": None, "max_new_tokens": 60}
    backend = loaded(folder, **limits)
    request = next(requests([(256, 180)]))
    processor = Qwen2VLPilProcessor.from_pretrained(folder)
    messages = [
        {"role": "system", "content": request.prompt.system},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": request.prompt.user}]},
    ]
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == chat_text(request.prompt, f"<|vision_start|>{IMAGE}<|vision_end|>")
    inputs = processor(text=[text], images=[request.image], return_tensors="pt")
    prepared = backend.prepare(request)
    assert inputs["input_ids"][0].tolist() == prepared.inputs["tokens"]
    assert torch.equal(inputs["pixel_values"], prepared.inputs["pixel_values"])
    output = backend.model.generate(**inputs, max_new_tokens=60, do_sample=False)
    expected = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert answers_of(backend, [[prepared]])[0].text == expected


def test_a_model_that_may_think_is_told_not_to(tmp_path):
    backend = loaded(tiny_qwen(tmp_path / "qwen3_5", "qwen3_5"))
    text = backend.tokenizer.decode(backend.prepare(next(requests())).inputs["tokens"])
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_pixel_limits_come_from_the_config(tiny_qwen2vl):
    few, many = loaded(tiny_qwen2vl, max_pixels=784), loaded(tiny_qwen2vl, min_pixels=7840, max_pixels=15680)
    request = next(requests())
    assert few.prepare(request).size < many.prepare(request).size


def test_constrained_answers_begin_like_json_objects(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl, constrained=True, max_new_tokens=40)
    answers = answers_of(backend, [[backend.prepare(request) for request in requests()]])
    assert all(one.text.lstrip().startswith("{") for one in answers.values())
    free = loaded(tiny_qwen2vl, max_new_tokens=40)
    assert not free.grammar
    assert not any(
        one.text.startswith("{") for one in answers_of(free, [[free.prepare(request) for request in requests()]]).values()
    )


def test_a_looping_text_is_stopped(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl, max_new_tokens=300)
    answers = answers_of(backend, [[backend.prepare(request) for request in requests()]])
    looping = [one for one in answers.values() if one.finish_reason == "repetition"]
    assert looping  # greedy random weights loop soon
    assert all(one.completion_tokens < 300 for one in looping)


def test_a_bad_request_fails_alone(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl)
    prepared = [backend.prepare(request) for request in requests()]
    prepared[2].inputs["tokens"].remove(5)  # one image token too few
    answers = answers_of(backend, [prepared])
    assert [type(answers[n]) for n in range(5)] == [Generation, Generation, Failed, Generation, Generation]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:128] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_this_and_later_batches(tiny_qwen2vl, monkeypatch, error):
    backend = loaded(tiny_qwen2vl, batch_size=4)
    prepared = [backend.prepare(request) for request in requests(SIZES[:4])]
    generate, sizes = backend.model.generate, []

    def tight(**inputs):
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > 2:
            raise error
        return generate(**inputs)

    monkeypatch.setattr(backend.model, "generate", tight)
    answers = answers_of(backend, [prepared, prepared])
    assert all(isinstance(one, Generation) for one in answers.values())
    assert sizes == [4, 2, 2, 2, 2]


def test_an_image_of_extreme_aspect_ratio_is_unreadable(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl)
    with pytest.raises(Unreadable, match="aspect ratio"):
        backend.prepare(next(requests([(2010, 5)])))


def test_a_folder_without_a_model_is_a_clear_error(tmp_path):
    (tmp_path / "readme.txt").write_text("no model")
    with pytest.raises(UserError, match=f"captioner.model: {tmp_path} cannot be loaded"):
        loaded(tmp_path)


def test_sampling_is_the_same_for_the_same_batch(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl, temperature=1.0, top_p=0.9)
    batch = [backend.prepare(request) for request in requests()]
    first, second = (answers_of(backend, [batch]) for _ in range(2))
    assert [one.text for one in first.values()] == [one.text for one in second.values()]
    assert first[0].text != answers_of(loaded(tiny_qwen2vl), [batch])[0].text


def test_control_tokens_among_the_tags_become_plain_text(tiny_qwen2vl):
    backend = loaded(tiny_qwen2vl)
    tags = "<|image_pad|>, <|im_end|>, <|>_<|>, 1girl"
    odd = Request(9, prompt_of("json", tags, "<|vision_start|>"), next(requests()).image)
    batch = [backend.prepare(odd), *(backend.prepare(request) for request in requests(SIZES[:2]))]
    tokens = batch[0].inputs["tokens"]
    plain = backend.prepare(Request(9, prompt_of("json", "1girl", ""), odd.image)).inputs["tokens"]
    assert [tokens.count(special) for special in range(1, 6)] == [plain.count(special) for special in range(1, 6)]
    assert "<|>_<|>" in backend.tokenizer.decode(tokens)
    assert {type(one) for one in answers_of(backend, [batch]).values()} == {Generation}
