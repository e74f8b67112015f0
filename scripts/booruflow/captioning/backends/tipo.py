"""Backend `tipo`: prose from tags alone, for posts without a usable image.

TIPO's prompt format comes from the package tipo-kgen (operation `tag_to_long`: the model continues after `long:`).
Generation is done here, because kgen loads every model in fp16 and strips characters from its output.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from booruflow.captioning.backends.decoding import generate_batch, generate_halving, pad_left
from booruflow.captioning.backends.interface import Answer, Backend, Generation, Prepared, Request
from booruflow.captioning.backends.model_identity import model_identity
from booruflow.core.errors import UserError

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = ("dtype", "max_new_tokens", "repetition_penalty", "temperature", "top_p")


class TipoBackend(Backend):
    """Batches of a TIPO model (a LLaMA) through `generate`, padded on the left."""

    needs_image = False

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.batch_size = int(captioner["batch_size"])
        self.needs_gpu: bool = captioner["device"] == "cuda"

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`."""
        settings = {key: self.config[key] for key in IDENTITY_KEYS}
        tipo = self.config["tipo"]
        model = model_identity(tipo["model"], tipo["revision"], "captioner.tipo")
        return {"backend": "tipo", "request_generation": REQUEST_GENERATION, "model": model, **settings}

    def load(self) -> None:
        """See `Backend.load`."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        logging.getLogger("TIPO-KGen").disabled = True  # it warns that llama.cpp is not installed
        tipo = self.config["tipo"]
        source: dict[str, Any] = {"pretrained_model_name_or_path": tipo["model"], "revision": tipo["revision"]}
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(**source)
            model = AutoModelForCausalLM.from_pretrained(**source, dtype=getattr(torch, self.config["dtype"]))
        except (OSError, ValueError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise UserError(
                f"captioner.tipo.model: {tipo['model']} cannot be loaded ({first_line}): correct the folder"
            ) from error
        self.model = model.to(self.config["device"]).eval()
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`."""
        tokens = self.tokenizer(tipo_prompt(request.prompt.user))["input_ids"]
        return Prepared(request.id, len(tokens), tokens)

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        return generate_halving(batches, self.batch_size, self._generate_batch)

    def _generate_batch(self, batch: list[Prepared]) -> list[Generation]:
        start = time.monotonic()
        inputs = pad_left([prepared.inputs for prepared in batch], self.tokenizer.pad_token_id)
        inputs = {name: tensor.to(self.model.device) for name, tensor in inputs.items()}
        texts = generate_batch(self.model, self.tokenizer, inputs, self.config)
        seconds = round((time.monotonic() - start) / len(batch), 4)
        return [
            Generation(prepared.id, text.text.strip(), text.finish_reason, prepared.size, text.tokens, seconds)
            for prepared, text in zip(batch, texts, strict=True)
        ]


def tipo_prompt(tags: str) -> str:
    """TIPO's prompt for tags in lines `general: a, b`, `characters: ...`, `artist: ...`.

    The number of people comes before the other general tags, as in TIPO's training.
    """
    from kgen.executor.tipo import apply_tipo_prompt, parse_tipo_request
    from kgen.metainfo import SPECIAL

    tag_map = {name: values.split(", ") for name, _, values in (line.partition(": ") for line in tags.splitlines())}
    people = [tag for tag in tag_map.get("general", []) if tag.replace("_", " ") in SPECIAL]
    tag_map["special"] = people
    tag_map["general"] = [tag for tag in tag_map.get("general", []) if tag not in people]
    meta, _, general, _ = parse_tipo_request(tag_map, add_quality=False)
    return str(apply_tipo_prompt(meta, general, "", "tag_to_long", "long", expand=False))
