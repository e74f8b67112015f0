import json

import pytest
from small_shards import CAPTIONER

from booruflow.captioning.backends.serving.command import engine_command, placeholders
from booruflow.captioning.backends.serving.presets import PRESETS
from booruflow.core.errors import UserError

SERVER = {"program": None, "arguments": [], "model_arguments": []}


def command(tmp_path, engine, monkeypatch, changes=None, **server):
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("vllm", "python3", "llama-server", "transformers", "my-engine"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("sys.executable", str(programs / "python"))
    folder = tmp_path / "models/tori"
    folder.mkdir(parents=True, exist_ok=True)
    captioner = CAPTIONER | {"model": "own/tori", "max_pixels": 401408, "min_pixels": 200704, "max_new_tokens": 1000}
    captioner |= {"server": SERVER | {"engine": engine} | server} | (changes or {})
    return engine_command(PRESETS[engine], captioner, str(folder), 4711)


def option(words, name):
    return words[words.index(name) + 1]


@pytest.mark.parametrize("engine", ["vllm", "sglang", "transformers"])
def test_every_engine_gets_the_folder_the_port_and_no_other_interface(tmp_path, monkeypatch, engine):
    words = command(tmp_path, engine, monkeypatch)
    assert str(tmp_path / "models/tori") in words
    assert (option(words, "--port"), option(words, "--host")) == ("4711", "127.0.0.1")
    assert not any("{" in word and "}" in word for word in words if not word.startswith('{"')), "no placeholder is left"
    assert words[0].startswith(str(tmp_path / "bin"))


def test_vllm_gets_limits_for_images_and_context(tmp_path, monkeypatch):
    words = command(tmp_path, "vllm", monkeypatch)
    assert json.loads(option(words, "--mm-processor-kwargs")) == {"min_pixels": 200704, "max_pixels": 401408}
    assert json.loads(option(words, "--limit-mm-per-prompt")) == {"image": 1, "video": 0}
    assert int(option(words, "--max-model-len")) == 5120 >= 512 + 3072 + 1000
    without = command(tmp_path, "vllm", monkeypatch, {"min_pixels": None, "max_pixels": None})
    assert "--mm-processor-kwargs" not in without, "the model's own limits"
    assert json.loads(option(command(tmp_path, "sglang", monkeypatch), "--mm-process-config")) == {
        "image": {"min_pixels": 200704, "max_pixels": 401408}
    }


def test_llama_cpp_gets_its_two_files_and_limits_in_tokens(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"captioner.model: .*tori holds no \*gguf\*, which llama.cpp needs"):
        command(tmp_path, "llama.cpp", monkeypatch)
    folder = tmp_path / "models/tori"
    for name in ("tori-00002-of-00002.gguf", "tori-00001-of-00002.gguf", "mmproj-tori.gguf"):
        (folder / name).write_text("")
    words = command(tmp_path, "llama.cpp", monkeypatch, {"batch_size": 8, "device": "cuda"})
    assert option(words, "--model") == str(folder / "tori-00001-of-00002.gguf")
    assert option(words, "--mmproj") == str(folder / "mmproj-tori.gguf")
    assert (option(words, "--image-min-tokens"), option(words, "--image-max-tokens")) == ("256", "512")
    assert (option(words, "--parallel"), option(words, "--ctx-size")) == ("8", str(8 * 5120))
    assert option(words, "--n-gpu-layers") == "999"


def test_tabbyapi_needs_a_program_and_splits_the_folder(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"captioner.server.program: engine tabbyapi needs the command"):
        command(tmp_path, "tabbyapi", monkeypatch)
    words = command(tmp_path, "tabbyapi", monkeypatch, program=["python3", "/opt/tabbyAPI/main.py"])
    assert words[1] == "/opt/tabbyAPI/main.py"
    assert (option(words, "--model-dir"), option(words, "--model-name")) == (str(tmp_path / "models"), "tori")


def test_a_custom_command_is_filled_in_and_later_arguments_come_last(tmp_path, monkeypatch):
    words = command(
        tmp_path,
        "custom",
        monkeypatch,
        program=["my-engine", "{model}", "--listen", "127.0.0.1:{port}", '{"a": {nothing}}'],
        model_arguments=["--bits", "4"],
        arguments=["--memory", "{context}"],
    )
    assert words[1:] == [
        str(tmp_path / "models/tori"),
        "--listen",
        "127.0.0.1:4711",
        '{"a": {nothing}}',
        "--bits",
        "4",
        "--memory",
        "5120",
    ]


def test_every_placeholder_of_a_preset_exists(tmp_path):
    known = placeholders(CAPTIONER | {"server": SERVER}, str(tmp_path), 1)
    for preset in PRESETS.values():
        words = " ".join(word for group in preset.arguments for word in group)
        used = {part.partition("}")[0] for part in words.split("{")[1:] if part[:1].islower()}
        assert used <= known.keys()


@pytest.mark.parametrize(
    ("engine", "fields"),
    [
        ("vllm", {"repetition_penalty": 1.05}),
        ("sglang", {"repetition_penalty": 1.05}),
        ("tabbyapi", {"repetition_penalty": 1.05}),
        ("llama.cpp", {"repeat_penalty": 1.05, "repeat_last_n": 32_768}),
        ("transformers", {"frequency_penalty": 0.05}),
    ],
)
def test_a_repetition_penalty_in_the_engines_words(engine, fields):
    assert PRESETS[engine].penalty(1.05) == fields
