"""The engines that a caption job can start: their command, and their words for what a request asks for.

Sources: the arguments that each program documents (`vllm serve --help`, `python -m sglang.launch_server --help`, llama.cpp's
tools/server/README.md, tabbyAPI's common/config_models.py and common/sampling.py, `transformers serve --help`), as of 2026.
docs/backends.md says which of these were run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from booruflow.captioning.backends.serving.chat_body import ImageFormat

JSON_OBJECT = {"response_format": {"type": "json_object"}}


def _repetition_penalty(penalty: float) -> dict[str, Any]:
    return {"repetition_penalty": penalty}


@dataclass(frozen=True)
class Preset:
    """An engine. Placeholders such as `{port}` in a command are those of `command.placeholders`."""

    program: tuple[str, ...] | None
    """How it is called where the config does not say so; None: the config must."""
    arguments: tuple[tuple[str, ...], ...] = ()
    """In groups, which are left out when one of their placeholders has no value."""
    required: tuple[str, ...] = ()
    """Placeholders that must have a value: the files that the model's folder must hold."""
    health: str = "/health"
    """The path that answers 200 as soon as the engine takes requests."""
    image_format: ImageFormat = "PNG"
    """What the engine decodes; a BMP costs no time to write."""
    json: Mapping[str, Any] = field(default_factory=dict)
    """The fields of a request that constrain the answer to a JSON object; empty where the engine cannot."""
    penalty: Callable[[float], dict[str, Any]] = _repetition_penalty
    """The fields for a repetition penalty (1: none)."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Fields that switch off what the engine would do unasked."""
    environment: Mapping[str, str] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    "vllm": Preset(
        program=("vllm",),
        arguments=(
            ("serve", "{model}", "--served-model-name", "{name}"),
            ("--host", "127.0.0.1", "--port", "{port}"),
            ("--dtype", "{dtype}", "--max-model-len", "{context}"),
            ("--generation-config", "vllm"),  # not the sampling defaults of the model's folder
            ("--limit-mm-per-prompt", '{"image":1,"video":0}'),
            ("--mm-processor-cache-gb", "0"),  # every image is new
            ("--mm-processor-kwargs", "{pixel_limits}"),
            ("--uvicorn-log-level", "warning"),
        ),
        image_format="BMP",
        json=JSON_OBJECT,
        environment={"VLLM_NO_USAGE_STATS": "1"},
    ),
    "sglang": Preset(
        program=("python3", "-m", "sglang.launch_server"),
        arguments=(
            ("--model-path", "{model}", "--served-model-name", "{name}"),
            ("--host", "127.0.0.1", "--port", "{port}"),
            ("--dtype", "{dtype}", "--context-length", "{context}"),
            ("--sampling-defaults", "openai"),
            ("--limit-mm-data-per-request", '{"image":1}'),
            ("--mm-process-config", '{"image":{pixel_limits}}'),
            ("--log-level-http", "warning"),
        ),
        image_format="BMP",
        json=JSON_OBJECT,
    ),
    "llama.cpp": Preset(
        program=("llama-server",),
        required=("gguf", "mmproj"),
        arguments=(
            ("--model", "{gguf}", "--mmproj", "{mmproj}", "--alias", "{name}"),
            ("--host", "127.0.0.1", "--port", "{port}"),
            ("--parallel", "{sequences}", "--ctx-size", "{context_of_all}"),
            ("--n-gpu-layers", "{gpu_layers}"),
            ("--image-min-tokens", "{min_image_tokens}"),
            ("--image-max-tokens", "{max_image_tokens}"),
            ("--cache-ram", "0", "--no-webui"),  # no prompt comes twice
        ),
        image_format="BMP",
        json=JSON_OBJECT,
        penalty=lambda penalty: {"repeat_penalty": penalty, "repeat_last_n": 32_768},  # all tokens of an answer
        sampling={"top_k": 0, "min_p": 0.0},
    ),
    "tabbyapi": Preset(
        program=None,  # main.py of its clone, called by the python of its environment
        arguments=(
            ("--host", "127.0.0.1", "--port", "{port}", "--disable-auth", "true"),
            ("--model-dir", "{model_parent}", "--model-name", "{model_name}", "--vision", "true"),
            ("--max-seq-len", "{context}", "--cache-size", "{context_of_all}", "--max-batch-size", "{sequences}"),
        ),
        image_format="BMP",
        json={"json_schema": {"type": "object"}},
        sampling={"top_k": 0, "min_p": 0.0},
    ),
    "transformers": Preset(
        program=("transformers",),
        arguments=(
            ("serve", "{model}", "--trust-remote-code"),
            ("--host", "127.0.0.1", "--port", "{port}"),
            ("--device", "{device}", "--dtype", "{dtype}", "--attn-implementation", "{attention}"),
        ),
        image_format="BMP",
        penalty=lambda penalty: {"frequency_penalty": round(penalty - 1, 6)},  # it adds 1 and takes it as repetition penalty
    ),
    "custom": Preset(program=None, json=JSON_OBJECT),
}
