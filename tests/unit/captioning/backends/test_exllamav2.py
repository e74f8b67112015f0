"""The backend against the real package, as far as possible without a GPU.

Real: configuration, tokenizer, image preprocessing, embeddings and their position in the prompt, jobs and their checks, the
filter's base class, all signatures. Faked: the CUDA extension, the weights, the generator's computation.
"""

import inspect
import json
import sys
import types
import weakref

import pytest
import torch
from fake_exllamav2 import ANSWER, FakeGenerator
from PIL import Image
from small_shards import CAPTIONER
from tiny_models import tiny_qwen

from booruflow.captioning.backends.interface import Failed, Request
from booruflow.captioning.prompts.prompt import prompt_of
from booruflow.core.errors import Unreadable, UserError


class NoExtension(types.ModuleType):
    """Replaces the CUDA extension, which would be compiled on import; no test may call it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_, **__):
            raise RuntimeError(f"exllamav2_ext.{name}: no CUDA extension here")

        return missing


sys.modules.setdefault("exllamav2_ext", NoExtension("exllamav2_ext"))
exllamav2 = pytest.importorskip("exllamav2", reason="exllamav2 is not installed")
from exllamav2.generator import ExLlamaV2DynamicGenerator, ExLlamaV2DynamicJob, ExLlamaV2Sampler  # noqa: E402

from booruflow.captioning.backends.exllamav2 import ExLlamaV2Backend  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny checkpoint with its configuration in the layout of ToriiGate v0.4."""
    folder = tiny_qwen(tmp_path_factory.mktemp("models") / "exl2")
    text = json.loads((folder / "config.json").read_text())["text_config"]
    kept = ("intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "rms_norm_eps", "vocab_size")
    config = {name: text[name] for name in (*kept, "hidden_size", "max_position_embeddings")} | {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "model_type": "qwen2_vl",
        "bos_token_id": 0,
        "eos_token_id": 2,
        "rope_theta": 10000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "vision_start_token_id": 3,
        "vision_end_token_id": 4,
        "vision_token_id": 5,
        "image_token_id": 5,
        "video_token_id": 6,
        "vision_config": {
            "depth": 2,
            "embed_dim": 32,
            "mlp_ratio": 4,
            "num_heads": 4,
            "in_chans": 3,
            "hidden_size": 64,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "temporal_patch_size": 2,
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    images = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(images | {"min_pixels": 784, "max_pixels": 6272}))
    return folder


@pytest.fixture
def a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 6))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "RTX 3090")


@pytest.fixture
def make_backend(folder, monkeypatch, a_gpu):
    def load(tower, gpu_split=None, lazy=False, stats=False, callback=None, callback_gen=None, progress=False):
        pass

    def load_autosplit(model, cache, reserve_vram=None, last_id_only=False, callback=None, callback_gen=None, progress=False):
        assert cache.model is model
        model.modules[0].forward = lambda ids: torch.zeros(len(ids), 64)

    def process(tower, pixels, size, thw_grid=None):
        return torch.zeros(1, len(pixels) // 4, 64)

    for cls, fake in ((exllamav2.ExLlamaV2VisionTower, load), (exllamav2.ExLlamaV2, load_autosplit)):
        assert list(inspect.signature(getattr(cls, fake.__name__)).parameters)[1:] == list(inspect.signature(fake).parameters)[1:]
        monkeypatch.setattr(cls, fake.__name__, fake)
    monkeypatch.setattr(exllamav2.ExLlamaV2VisionTower, "process", process)
    monkeypatch.setattr("exllamav2.generator.ExLlamaV2DynamicGenerator", FakeGenerator)
    # the page tables of the rotary embedding are the extension's; jobs get none
    monkeypatch.setattr("exllamav2.generator.dynamic.mrope.gen_mrope_embed", lambda *_: (torch.zeros(1), 0))

    def make(**changes):
        options = {"cache": "fp16", "cache_tokens": 4096}
        backend = ExLlamaV2Backend(CAPTIONER | {"model": str(folder), "max_new_tokens": 100, "exllamav2": options} | changes)
        backend.load()
        return backend

    return make


def prepared(backend, count):
    for number in range(count):
        image = Image.new("RGB", (60 + 20 * (number % 5), 90))
        yield backend.prepare(Request(number, prompt_of("json", "1girl", ""), image))


def answers_of(backend, requests):
    return [answer for part in backend.generate(iter([[one] for one in requests])) for answer in part]


def test_the_fake_generator_has_the_real_ones_signatures():
    for name in ("enqueue", "cancel", "iterate", "__init__"):
        real, fake = (
            list(inspect.signature(getattr(cls, name)).parameters) for cls in (ExLlamaV2DynamicGenerator, FakeGenerator)
        )
        assert set(fake) <= set(real)
    documented = inspect.getdoc(ExLlamaV2DynamicGenerator.iterate)
    for word in (
        "full_completion",
        "new_tokens",
        "eos_reason",
        "stop_token",
        "max_new_tokens",
        "end_filter",
        "identifier",
        "token_ids",
    ):
        assert f'"{word}"' in documented


def test_jobs_end_out_of_order_and_all_are_answered(make_backend):
    backend = make_backend()
    answers = answers_of(backend, prepared(backend, 20))
    assert sorted(one.id for one in answers) == list(range(20))
    assert [one.id for one in answers] != list(range(20))
    assert {(one.text, one.finish_reason, one.completion_tokens) for one in answers} == {(ANSWER, "stop", len(ANSWER) + 1)}
    assert backend.generator.peak == backend.concurrency == 4


def test_the_prompt_holds_the_image_where_the_chat_template_has_it(make_backend):
    backend = make_backend()
    running = backend._start(next(prepared(backend, 1)))
    tokens = running.job.sequences[0].input_ids.torch()[0].tolist()
    image = running.job.embeddings[0]
    first = tokens.index(image.first_index)
    assert tokens[first : first + image.length] == list(range(image.first_index, image.first_index + image.length))
    assert image.length == running.prepared.size + 2  # with <|vision_start|> and <|vision_end|>, which exllamav2 adds
    assert backend.tokenizer.decode(torch.tensor(tokens[:first]), decode_special_tokens=True).endswith("<|im_start|>user\n")
    after = backend.tokenizer.decode(torch.tensor(tokens[first + image.length :]), decode_special_tokens=True)
    assert after.startswith("Describe the picture")
    assert after.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert running.prompt_tokens == len(tokens)
    assert set(running.job.stop_tokens) == {2}


def test_sampling_is_greedy_unless_a_temperature_is_set(make_backend):
    greedy = make_backend(repetition_penalty=1.1).sampling
    assert (greedy.top_k, greedy.token_repetition_penalty) == (1, 1.1)
    drawing = make_backend(temperature=0.5, top_p=0.9).sampling
    assert (drawing.temperature, drawing.top_k, drawing.top_p) == (0.5, 0, 0.9)
    assert isinstance(drawing, ExLlamaV2Sampler.Settings)


def test_the_token_limit_and_a_loop_have_their_own_finish_reason(make_backend):
    backend = make_backend(max_new_tokens=300)
    backend.generator.answers = {0: [chr(97 + n % 26) + str(n) for n in range(300)], 1: list("ha " * 200)}
    answers = {one.id: one for one in answers_of(backend, prepared(backend, 3))}
    assert [answers[n].finish_reason for n in range(3)] == ["length", "repetition", "stop"]
    assert backend.generator.cancelled == [1]
    assert answers[1].text.startswith("ha ha ha")
    assert answers[1].completion_tokens < 300


def test_images_are_freed_with_their_jobs(make_backend):
    backend = make_backend(batch_size=2)
    embeddings = weakref.WeakSet()
    embed = backend.vision.get_image_embeddings

    def watched(**arguments):
        embedding = embed(**arguments)
        embeddings.add(embedding)
        return embedding

    backend.vision.get_image_embeddings = watched
    peak = 0
    for _ in backend.generate(iter([[one] for one in prepared(backend, 30)])):
        peak = max(peak, len(embeddings))
    assert peak <= 3


def test_out_of_memory_halves_the_jobs_and_loses_none(make_backend):
    backend = make_backend()
    backend.generator.out_of_memory_above = 2
    answers = answers_of(backend, prepared(backend, 9))
    assert sorted(one.id for one in answers) == list(range(9))
    assert not any(isinstance(one, Failed) for one in answers)


def test_a_job_too_long_for_the_cache_fails_alone(make_backend):
    backend = make_backend(exllamav2={"cache": "fp16", "cache_tokens": 512})
    image = Image.new("RGB", (60, 90))
    long = backend.prepare(Request(1, prompt_of("json", "hat, " * 400, ""), image))
    answers = {one.id: one for one in answers_of(backend, [long, *prepared(backend, 1)])}
    assert isinstance(answers[1], Failed)
    assert "pages" in answers[1].reason
    assert answers[0].text == ANSWER


def test_each_cache_exists_in_the_package(make_backend):
    from booruflow.captioning.backends.exllamav2 import CACHES

    for name in CACHES.values():
        assert {"model", "max_seq_len", "lazy"} <= set(inspect.signature(getattr(exllamav2, name)).parameters)
    assert {"identifier", "embeddings", "filters", "seed"} <= set(inspect.signature(ExLlamaV2DynamicJob).parameters)


def test_answers_are_json_objects_by_construction(make_backend):
    backend = make_backend(constrained=True)
    (mask,) = backend._filters()
    mask.begin("")
    for character in '{"a": "b"}':
        token = backend.tokenizer.single_id(character)
        assert mask.get_next(mask=True) is True
        logits = mask.mask_logits(torch.zeros(288))
        assert logits[token] == 0
        assert (logits[263:] == float("-inf")).all()
        mask.feed(torch.tensor([[token]]))
    mask.get_next(mask=True)
    assert mask.mask_logits(torch.zeros(288)).argmax() == 2  # nothing but the end


@pytest.mark.parametrize(
    ("capability", "message"), [(None, "needs an NVIDIA GPU"), ((7, 5), "needs an Ampere GPU or newer, not RTX")]
)
def test_an_unsuitable_gpu_is_an_error_before_anything_is_loaded(folder, monkeypatch, a_gpu, capability, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    backend = ExLlamaV2Backend(CAPTIONER | {"model": str(folder), "exllamav2": {"cache": "q4", "cache_tokens": 4096}})
    monkeypatch.setitem(sys.modules, "exllamav2", None)
    with pytest.raises(UserError, match=message):
        backend.load()


def test_an_image_of_extreme_aspect_ratio_is_unreadable(make_backend):
    backend = make_backend()
    with pytest.raises(Unreadable):
        backend.prepare(Request(1, prompt_of("json", "", ""), Image.new("RGB", (30, 8000))))
