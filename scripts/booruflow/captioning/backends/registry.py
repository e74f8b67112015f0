"""The backends by the names they have in the config."""

from collections.abc import Callable, Mapping
from typing import Any

from booruflow.captioning.backends.exllamav2 import ExLlamaV2Backend
from booruflow.captioning.backends.interface import Backend
from booruflow.captioning.backends.openai import OpenAIBackend
from booruflow.captioning.backends.tipo import TipoBackend
from booruflow.captioning.backends.transformers import TransformersBackend

BACKENDS: Mapping[str, Callable[[Mapping[str, Any]], Backend]] = {
    "transformers": TransformersBackend,
    "exllamav2": ExLlamaV2Backend,
    "openai": OpenAIBackend,
    "tipo": TipoBackend,
}


def open_backends(captioner: Mapping[str, Any]) -> list[Backend]:
    """The backend of the config section `captioner`, then its fallback if there is one; no model is loaded yet."""
    return [BACKENDS[name](captioner) for name in (captioner["backend"], captioner["fallback"]) if name]
