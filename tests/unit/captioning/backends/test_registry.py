import importlib
import tomllib
from pathlib import Path

import pytest
import yaml
from small_shards import CAPTIONER

from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.backends.registry import BACKENDS, PACKAGES, captioner_errors, open_backends
from booruflow.captioning.backends.tipo import TipoBackend

ROOT = Path(__file__).parents[4]
SECTIONS = {
    "exllamav2": {"cache": "q8", "cache_tokens": 4096},
    "server": {
        "engine": "vllm",
        "program": None,
        "arguments": [],
        "model_arguments": [],
        "start_timeout": 1,
        "timeout": 1,
        "restart_after": None,
        "extra_body": {},
    },
    "openai": {"base_urls": ["http://127.0.0.1:1/v1"], "api_key_file": None, "timeout": 1, "retries": 0, "extra_body": {}},
}


def test_the_config_accepts_exactly_the_registered_backends():
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())
    assert list(BACKENDS) == schema["properties"]["captioner"]["properties"]["backend"]["enum"]


def test_the_fallback_comes_second():
    captioner = CAPTIONER | SECTIONS | {"backend": "openai"}
    assert list(map(type, open_backends(captioner))) == [OpenAIBackend]
    assert list(map(type, open_backends(captioner | {"fallback": "tipo"}))) == [OpenAIBackend, TipoBackend]


@pytest.mark.parametrize("name", BACKENDS)
def test_the_request_generation_is_part_of_the_identity(name, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    model = {"model": str(tmp_path), "revision": None}
    backend = BACKENDS[name](CAPTIONER | SECTIONS | model | {"tipo": model})
    before = backend.identity()
    module = importlib.import_module(f"booruflow.captioning.backends.{name}")
    monkeypatch.setattr(module, "REQUEST_GENERATION", 99)
    assert backend.identity() == before | {"request_generation": 99} != before


def test_all_that_keeps_from_captioning_is_named_at_once(monkeypatch, tmp_path):
    captioner = (
        CAPTIONER
        | SECTIONS
        | {"backend": "transformers", "model": None, "fallback": "tipo", "tipo": {"model": "nowhere", "revision": None}}
    )
    monkeypatch.setitem(PACKAGES, "transformers", ("torch", "no_such_package"))
    package, model, tipo = captioner_errors(captioner, check_packages=True)
    assert "captioner.backend: transformers needs the package no_such_package" in package and "--group transformers" in package
    assert model.startswith("config.yaml: captioner.model: no model is named")
    assert tipo.startswith("config.yaml: captioner.tipo.model: there is no folder nowhere")
    assert captioner_errors(captioner, check_packages=False) == [model, tipo]
    monkeypatch.setitem(PACKAGES, "tipo", ("no_such_package",))
    assert "captioner.fallback: tipo needs the package no_such_package" in captioner_errors(captioner, check_packages=True)[2]


def test_a_captioner_that_can_work_has_no_errors(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    captioner = CAPTIONER | SECTIONS | {"backend": "openai", "model": str(tmp_path), "revision": None}
    assert captioner_errors(captioner, check_packages=True) == []
    small = captioner | {"min_pixels": 2000, "max_pixels": 1000}
    (line,) = captioner_errors(small, check_packages=True)
    assert line.startswith("config.yaml: captioner.min_pixels: 2000 is above max_pixels, 1000: set both; one that is not set has")
    line = "config.yaml: captioner.info: gone.json: no such file: correct the path"
    assert captioner_errors(captioner | {"info": "gone.json"}, check_packages=True) == [line]


def test_each_backend_has_a_group_of_dependencies():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert PACKAGES.keys() == BACKENDS.keys() <= groups.keys()
