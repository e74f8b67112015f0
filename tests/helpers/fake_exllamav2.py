"""The generator of the package exllamav2 without its CUDA extension."""

import random

import torch

ANSWER = '{"character": "a cat"}'


class FakeGenerator:
    """Behaves like ExLlamaV2DynamicGenerator; every job answers ANSWER, at a random pace."""

    def __init__(self, model, cache, tokenizer, max_batch_size=None):
        self.model, self.tokenizer, self.max_batch_size = model, tokenizer, max_batch_size
        self.page_size, self.max_pages, self.max_total_tokens = 256, cache.max_seq_len // 256, cache.max_seq_len
        self.padded_vocab_size = 288
        self.jobs, self.started, self.cancelled, self.peak = [], [], [], 0
        self.rng = random.Random(3)
        self.answers = {}
        self.out_of_memory_above = 99

    def enqueue(self, job):
        job.prepare_for_queue(self, len(self.started))
        self.jobs.append(job)
        self.started.append(job.identifier)
        job.pieces = self.answers.get(job.identifier, [*ANSWER, ""])[: job.max_new_tokens]
        job.text = ""
        return job.serial_number

    def cancel(self, job):
        self.jobs.remove(job)
        self.cancelled.append(job.identifier)

    def iterate(self):
        self.peak = max(self.peak, len(self.jobs))
        if len(self.jobs) > self.out_of_memory_above:
            raise torch.OutOfMemoryError("CUDA out of memory")
        results = []
        for job in self.jobs.copy():
            head = {"job": job, "identifier": job.identifier, "serial": job.serial_number}
            if not job.new_tokens:
                results.append(head | {"stage": "started", "eos": False})
            if self.rng.random() < 0.4:
                continue
            piece = job.pieces.pop(0)
            job.text += piece
            job.new_tokens += 1
            result = head | {"stage": "streaming", "eos": not job.pieces or piece == "", "text": piece}
            if piece:
                result["token_ids"] = self.tokenizer.encode(piece)
            if result["eos"]:
                reason = "stop_token" if piece == "" else "max_new_tokens"
                result |= {"eos_reason": reason, "full_completion": job.text, "new_tokens": job.new_tokens}
                self.jobs.remove(job)
            results.append(result)
        return results
