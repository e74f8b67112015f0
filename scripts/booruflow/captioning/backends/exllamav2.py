"""Backend `exllamav2`: quantised Qwen2-VL (ToriiGate v0.4 exl2, 4 and 8 bpw) with continuous batching.

One job per image: as soon as one ends the next begins. An image's embedding lives as long as its job. Needs an
Ampere GPU or newer and flash-attn 2.5.7 or newer (the paged cache).
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from PIL import Image

from booruflow.captioning.backends import Failed, Outcome, Prepared, Request, Result, wants_json
from booruflow.captioning.backends.chatml import chat
from booruflow.captioning.backends.decoding import GUARD_EVERY, json_object_grammar
from booruflow.captioning.backends.models import identify, local_folder
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import Unreadable, UserError

if TYPE_CHECKING:
    from exllamav2.generator import ExLlamaV2DynamicJob

DETERMINING = ("min_pixels", "max_pixels", "max_new_tokens", "repetition_penalty", "temperature", "top_p")
CACHES = {"fp16": "ExLlamaV2Cache", "q8": "ExLlamaV2Cache_Q8", "q6": "ExLlamaV2Cache_Q6", "q4": "ExLlamaV2Cache_Q4"}
AMPERE = (8, 0)
PATCH = 28
"""Pixels along one side of a patch as the language model sees it."""
FINISH_REASONS = {"stop_token": "stop", "end_filter": "stop", "max_new_tokens": "length"}


@dataclass
class Running:
    """A job under way."""

    prepared: Prepared
    job: "ExLlamaV2DynamicJob"
    prompt_tokens: int
    begun: float
    tokens: int = 0
    text: str = ""


class ExLlamaV2Backend:
    """Up to `batch_size` jobs at once in exllamav2's dynamic generator."""

    needs_image = needs_gpu = True
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.at_once: int = captioner["batch_size"]

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`."""
        settings = {key: self.config[key] for key in DETERMINING}
        model = identify(self.config["model"], self.config["revision"])
        cache = self.config["exllamav2"]["cache"]
        return {"backend": "exllamav2", "model": model, "cache": cache, "json": wants_json(self.config), **settings}

    def load(self) -> None:
        """See `Backend.load`."""
        check_gpu()
        import exllamav2
        from exllamav2.generator import ExLlamaV2DynamicGenerator, ExLlamaV2Sampler

        config, options = self.config, self.config["exllamav2"]
        folder = local_folder(config["model"], config["revision"])
        try:
            settings = exllamav2.ExLlamaV2Config(folder)
            settings.vision_min_pixels = config["min_pixels"] or settings.vision_min_pixels
            settings.vision_max_pixels = config["max_pixels"] or settings.vision_max_pixels
            self.vision = exllamav2.ExLlamaV2VisionTower(settings)
            self.vision.load()
            self.model = exllamav2.ExLlamaV2(settings)
            cache = getattr(exllamav2, CACHES[options["cache"]])(self.model, max_seq_len=options["cache_tokens"], lazy=True)
            self.model.load_autosplit(cache)
            self.tokenizer = exllamav2.ExLlamaV2Tokenizer(settings)
            self.generator = ExLlamaV2DynamicGenerator(
                model=self.model, cache=cache, tokenizer=self.tokenizer, max_batch_size=self.at_once
            )
        except (AssertionError, OSError, ValueError) as error:
            first = str(error).strip().partition("\n")[0]
            raise UserError(f"captioner.model: {config['model']} cannot be loaded by exllamav2 ({first}): mend it") from error
        self.pixels = settings.vision_min_pixels, settings.vision_max_pixels
        self.stops = [self.tokenizer.eos_token_id, self.tokenizer.single_id("<|im_end|>")]
        self.sampling = ExLlamaV2Sampler.Settings.greedy()
        if config["temperature"] > 0:
            self.sampling = ExLlamaV2Sampler.Settings(temperature=config["temperature"], top_k=0, top_p=config["top_p"])
        self.sampling.token_repetition_penalty = config["repetition_penalty"]
        self.grammar = None
        if wants_json(config):
            from transformers import AutoTokenizer

            self.grammar = json_object_grammar(AutoTokenizer.from_pretrained(folder), settings.vocab_size)

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the image at the size that the image tower wants."""
        from exllamav2.vlm.util import smart_resize

        assert request.image is not None
        try:
            size = smart_resize(request.image.size, PATCH, *self.pixels)
            image = request.image.resize(size, Image.Resampling.BICUBIC)
        except ValueError as error:  # of extreme proportions, or smaller than a patch
            raise Unreadable(str(error)) from error
        return Prepared(request.id, size[0] * size[1] // PATCH**2, (request.prompt, image))

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Outcome]]:
        """See `Backend.generate`."""
        waiting = chain.from_iterable(batches)
        again: deque[Prepared] = deque()
        running: dict[int, Running] = {}
        limit = self.at_once
        while True:
            outcomes: list[Outcome] = []
            while len(running) < limit and (prepared := again.popleft() if again else next(waiting, None)) is not None:
                try:
                    running[prepared.id] = self._begin(prepared)
                except (RuntimeError, AssertionError, ValueError) as error:
                    outcomes.append(Failed(prepared.id, str(error)))
            if not running and not outcomes:
                return
            try:
                outcomes += self._go_on(running)
            except RuntimeError as error:  # out of memory, above all: it ends the step for all jobs
                for one in running.values():
                    self.generator.cancel(one.job)
                if limit == 1:
                    outcomes += [Failed(id_, str(error)) for id_ in running]
                else:
                    again.extendleft(one.prepared for one in running.values())
                    limit //= 2
                running.clear()
            if outcomes:
                yield outcomes

    def _begin(self, prepared: Prepared) -> Running:
        """Embed the image and hand a job to the generator."""
        from exllamav2.generator import ExLlamaV2DynamicJob

        begun = time.monotonic()
        prompt, image = prepared.inputs
        embedding = self.vision.get_image_embeddings(model=self.model, tokenizer=self.tokenizer, image=image)
        text = chat(prompt, embedding.text_alias)
        tokens = self.tokenizer.encode(text, encode_special_tokens=True, embeddings=[embedding])
        job = ExLlamaV2DynamicJob(
            input_ids=tokens,
            max_new_tokens=self.config["max_new_tokens"],
            gen_settings=self.sampling,
            seed=0,
            stop_conditions=self.stops,
            filters=self._filters(),
            identifier=prepared.id,
            embeddings=[embedding],
        )
        self.generator.enqueue(job)
        return Running(prepared, job, int(tokens.shape[-1]), begun)

    def _filters(self) -> list[Any]:
        if self.grammar is None:
            return []
        from booruflow.captioning.backends.exllamav2_filter import JsonObjectFilter

        return [JsonObjectFilter(self.model, self.tokenizer, self.grammar)]

    def _go_on(self, running: dict[int, Running]) -> Iterator[Result]:
        """One step of all jobs; those that ended leave `running`, and their embeddings go with them."""
        for step in self.generator.iterate():
            if step["stage"] != "streaming":
                continue
            one = running[step["identifier"]]
            one.text += step["text"]
            before, one.tokens = one.tokens, one.tokens + (step["token_ids"].shape[-1] if "token_ids" in step else 0)
            looping = before // GUARD_EVERY < one.tokens // GUARD_EVERY and loops(one.text) is not None
            if step["eos"]:
                reason = FINISH_REASONS[step["eos_reason"]]
                yield self._result(running.pop(one.prepared.id), step["full_completion"], reason, step["new_tokens"])
            elif looping:
                self.generator.cancel(one.job)
                yield self._result(running.pop(one.prepared.id), one.text, "repetition", one.tokens)

    def _result(self, one: Running, text: str, finish_reason: str, tokens: int) -> Result:
        seconds = round(time.monotonic() - one.begun, 4)
        return Result(one.prepared.id, text, finish_reason, one.prompt_tokens, tokens, seconds)


def check_gpu() -> None:
    """Check before anything is loaded or compiled that exllamav2 can run here.

    Raises:
        UserError: no GPU, or one older than Ampere.
    """
    import torch

    if not torch.cuda.is_available():
        raise UserError("captioner.backend: exllamav2 needs an NVIDIA GPU and torch with CUDA: use transformers or openai")
    if torch.cuda.get_device_capability() < AMPERE:
        name = torch.cuda.get_device_name()
        raise UserError(f"captioner.backend: exllamav2 needs an Ampere GPU or newer, not {name}: use transformers or openai")


open_backend = ExLlamaV2Backend
