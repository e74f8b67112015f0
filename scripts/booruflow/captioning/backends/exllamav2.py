"""Backend `exllamav2`: quantised Qwen2-VL (ToriiGate v0.4 exl2, 4 and 8 bpw) with continuous batching.

One exllamav2 job per image; when one ends, the next starts. An image's embedding lives as long as its job. The paged
cache needs an Ampere GPU or newer and flash-attn 2.5.7 or newer.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from PIL import Image

from booruflow.captioning.backends.chat_template import chat_text
from booruflow.captioning.backends.decoding import GUARD_INTERVAL
from booruflow.captioning.backends.interface import Answer, Backend, Failed, Generation, Prepared, Request
from booruflow.captioning.backends.json_constraint import json_object_grammar, wants_json
from booruflow.captioning.backends.model_identity import local_folder, model_identity
from booruflow.captioning.parsing.text.repetition import loops
from booruflow.core.errors import Unreadable, UserError

if TYPE_CHECKING:
    from exllamav2.generator import ExLlamaV2DynamicJob

REQUEST_GENERATION = 1
"""Raise it when a change of how this backend builds a request must ask for new captions; see docs/backends.md."""
IDENTITY_KEYS = ("min_pixels", "max_pixels", "max_new_tokens", "repetition_penalty", "temperature", "top_p")
CACHES = {"fp16": "ExLlamaV2Cache", "q8": "ExLlamaV2Cache_Q8", "q6": "ExLlamaV2Cache_Q6", "q4": "ExLlamaV2Cache_Q4"}
AMPERE = (8, 0)
PATCH = 28
"""Pixels along one side of the square that becomes one token of the language model."""
FINISH_REASONS = {"stop_token": "stop", "end_filter": "stop", "max_new_tokens": "length"}


@dataclass
class RunningJob:
    """A job in the generator, and what it has generated so far; `start` is a time of the monotonic clock."""

    prepared: Prepared
    job: "ExLlamaV2DynamicJob"
    prompt_tokens: int
    start: float
    tokens: int = 0
    text: str = ""


class ExLlamaV2Backend(Backend):
    """Up to `batch_size` concurrent jobs in exllamav2's dynamic generator."""

    needs_image = needs_gpu = True
    batch_size = 1

    def __init__(self, captioner: Mapping[str, Any]) -> None:
        self.config = captioner
        self.concurrency: int = captioner["batch_size"]

    def identity(self) -> dict[str, Any]:
        """See `Backend.identity`."""
        return {
            "backend": "exllamav2",
            "request_generation": REQUEST_GENERATION,
            "model": model_identity(self.config["model"], self.config["revision"]),
            "cache": self.config["exllamav2"]["cache"],
            "json": wants_json(self.config),
            **{key: self.config[key] for key in IDENTITY_KEYS},
        }

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
                model=self.model, cache=cache, tokenizer=self.tokenizer, max_batch_size=self.concurrency
            )
        except (AssertionError, OSError, ValueError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise UserError(
                f"captioner.model: {config['model']} cannot be loaded by exllamav2 ({first_line}): correct the folder"
            ) from error
        self.pixels = settings.vision_min_pixels, settings.vision_max_pixels
        self.end_tokens = [self.tokenizer.eos_token_id, self.tokenizer.single_id("<|im_end|>")]
        self.sampling = ExLlamaV2Sampler.Settings.greedy()
        if config["temperature"] > 0:
            self.sampling = ExLlamaV2Sampler.Settings(temperature=config["temperature"], top_k=0, top_p=config["top_p"])
        self.sampling.token_repetition_penalty = config["repetition_penalty"]
        self.grammar = None
        if wants_json(config):
            from transformers import AutoTokenizer

            self.grammar = json_object_grammar(AutoTokenizer.from_pretrained(folder), settings.vocab_size)

    def prepare(self, request: Request) -> Prepared:
        """See `Backend.prepare`: the image resized for the vision tower."""
        from exllamav2.vlm.util import smart_resize

        assert request.image is not None
        try:
            size = smart_resize(request.image.size, PATCH, *self.pixels)
            image = request.image.resize(size, Image.Resampling.BICUBIC)
        except ValueError as error:  # an extreme aspect ratio, or smaller than a patch
            raise Unreadable(str(error)) from error
        return Prepared(request.id, size[0] * size[1] // PATCH**2, (request.prompt, image))

    def generate(self, batches: Iterator[list[Prepared]]) -> Iterator[list[Answer]]:
        """See `Backend.generate`."""
        new = chain.from_iterable(batches)
        retries: deque[Prepared] = deque()
        running: dict[int, RunningJob] = {}
        max_jobs = self.concurrency
        while True:
            answers: list[Answer] = []
            while len(running) < max_jobs and (prepared := retries.popleft() if retries else next(new, None)) is not None:
                try:
                    running[prepared.id] = self._start(prepared)
                except (RuntimeError, AssertionError, ValueError) as error:
                    answers.append(Failed(prepared.id, str(error)))
            if not running and not answers:
                return
            try:
                answers += self._step(running)
            except RuntimeError as error:  # usually out of memory, which ends the step of all jobs
                for running_job in running.values():
                    self.generator.cancel(running_job.job)
                if max_jobs == 1:
                    answers += [Failed(id_, str(error)) for id_ in running]
                else:
                    retries.extendleft(running_job.prepared for running_job in running.values())
                    max_jobs //= 2
                running.clear()
            if answers:
                yield answers

    def _start(self, prepared: Prepared) -> RunningJob:
        """Embed the image and enqueue a job."""
        from exllamav2.generator import ExLlamaV2DynamicJob

        start = time.monotonic()
        prompt, image = prepared.inputs
        embedding = self.vision.get_image_embeddings(model=self.model, tokenizer=self.tokenizer, image=image)
        text = chat_text(prompt, embedding.text_alias)
        tokens = self.tokenizer.encode(text, encode_special_tokens=True, embeddings=[embedding])
        job = ExLlamaV2DynamicJob(
            input_ids=tokens,
            max_new_tokens=self.config["max_new_tokens"],
            gen_settings=self.sampling,
            seed=0,
            stop_conditions=self.end_tokens,
            filters=self._filters(),
            identifier=prepared.id,
            embeddings=[embedding],
        )
        self.generator.enqueue(job)
        return RunningJob(prepared, job, int(tokens.shape[-1]), start)

    def _filters(self) -> list[Any]:
        if self.grammar is None:
            return []
        from booruflow.captioning.backends.exllamav2_filter import JsonObjectFilter

        return [JsonObjectFilter(self.model, self.tokenizer, self.grammar)]

    def _step(self, running: dict[int, RunningJob]) -> Iterator[Generation]:
        """Run one step of all jobs; those that ended leave `running`, which frees their embeddings."""
        for step in self.generator.iterate():
            if step["stage"] != "streaming":
                continue
            running_job = running[step["identifier"]]
            running_job.text += step["text"]
            tokens_before = running_job.tokens
            running_job.tokens += step["token_ids"].shape[-1] if "token_ids" in step else 0
            guard_due = tokens_before // GUARD_INTERVAL < running_job.tokens // GUARD_INTERVAL
            looping = guard_due and loops(running_job.text) is not None
            if step["eos"]:
                del running[step["identifier"]]
                finish_reason = FINISH_REASONS[step["eos_reason"]]
                yield self._generation(running_job, step["full_completion"], finish_reason, step["new_tokens"])
            elif looping:
                self.generator.cancel(running_job.job)
                del running[step["identifier"]]
                yield self._generation(running_job, running_job.text, "repetition", running_job.tokens)

    def _generation(self, running_job: RunningJob, text: str, finish_reason: str, tokens: int) -> Generation:
        seconds = round(time.monotonic() - running_job.start, 4)
        return Generation(running_job.prepared.id, text, finish_reason, running_job.prompt_tokens, tokens, seconds)


def check_gpu() -> None:
    """Check that exllamav2 can run here, before anything is loaded or compiled.

    Raises:
        UserError: no GPU, or one older than Ampere.
    """
    import torch

    if not torch.cuda.is_available():
        raise UserError("captioner.backend: exllamav2 needs an NVIDIA GPU and torch with CUDA: use transformers or openai")
    if torch.cuda.get_device_capability() < AMPERE:
        name = torch.cuda.get_device_name()
        raise UserError(f"captioner.backend: exllamav2 needs an Ampere GPU or newer, not {name}: use transformers or openai")
