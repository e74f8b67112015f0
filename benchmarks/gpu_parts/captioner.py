"""The backend `transformers`: the whole job, batches, JSON by construction, a batch that does not fit, compiled decoding."""

import argparse
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpu_parts.inputs import BATCHES, JOB_BATCH, JOB_POSTS, TOKENS, answer_tokens, drawings, prepared
from gpu_parts.measure import Gpu, Row, measured
from gpu_parts.model import bare_generate, captioner, loaded
from gpu_parts.runner import rows_or_error

if TYPE_CHECKING:
    from booruflow.captioning.backends.transformers import TransformersBackend


def bfloat16(options: argparse.Namespace) -> Iterator[Row]:
    """One process, which loads the model once, in the job."""
    backend = captioner(options, "bfloat16")
    for cases in (job, batches, json_answers, too_large):
        if cases is not job and not hasattr(backend, "model"):
            backend.load()
        yield from rows_or_error(cases.__name__, cases(options, backend))


def float16(options: argparse.Namespace) -> Iterator[Row]:
    """The other half precision."""
    yield from batches(options, (yield from loaded(options, "float16")))


def job(options: argparse.Namespace, backend: "TransformersBackend") -> Iterator[Row]:
    """The whole caption job, lease included, and then a bare loop over the same batches with the same model."""
    from small_shards import make_shard

    from booruflow.captioning.caption import Outputs, caption_shard
    from booruflow.captioning.engine import make_batches

    folder = options.scratch / "job"
    rows = drawings(folder / "images", options.shape, JOB_POSTS[options.shape])
    outputs = Outputs(*(folder / name for name in ("raw.jsonl", "skipped.json", "failed.json", "stats.json")))
    caption_shard(make_shard(folder, rows), backend.config, [backend], outputs, threads=4)
    (stats,) = json.loads(outputs.stats.read_text())
    generated = stats.pop("generated")
    seconds = generated["generating_seconds"]
    figures = {"captions": generated["captions"], "captions/s": generated["captions"] / seconds, "seconds": seconds}
    waiting = {"waiting for images, s": generated["waiting_seconds"], "loading, s": generated["loading_seconds"]}
    yield {"case": "the whole job", **figures, **waiting}
    requests, gpu = prepared(backend, rows, folder / "images"), Gpu(options.device)
    start = gpu.now()
    for batch in make_batches(requests, backend.batch_size):
        bare_generate(backend, batch)
    bare = gpu.now() - start
    yield {"case": "bare generate, the same batches", "captions/s": len(requests) / bare, "seconds": bare}
    yield {"case": "the job's time / that of bare generate", "ratio": seconds / bare}
    yield {"case": "figures of stats.json", **{name: stats[name] for name in stats if name != "identity"}}


def batches(options: argparse.Namespace, backend: "TransformersBackend") -> Iterator[Row]:
    """Captions and tokens per second of the backend at each batch size."""
    images, sizes = options.scratch / "images", BATCHES[options.shape]
    rows = drawings(images, options.shape, max(sizes))
    start = time.process_time()
    requests = prepared(backend, rows, images)
    yield {"case": "prepare an image, CPU time", "ms": 1000 * (time.process_time() - start) / len(requests)}
    for size in sizes:
        yield {"case": f"batch {size}", **measured(Gpu(options.device), backend, requests[:size])}


def json_answers(options: argparse.Namespace, backend: "TransformersBackend") -> Iterator[Row]:
    """Tokens are masked on the GPU; answers end where the object does."""
    from booruflow.captioning.backends.json_constraint import json_object_grammar

    images, size = options.scratch / "images", JOB_BATCH[options.shape]
    requests = prepared(backend, drawings(images, options.shape, size), images)
    backend.grammar = json_object_grammar(backend.tokenizer, backend.model.config.get_text_config().vocab_size)
    answer_tokens(backend, 0)
    try:
        yield {"case": f"batch {size}, JSON by construction", **measured(Gpu(options.device), backend, requests)}
    finally:
        backend.grammar = None
        answer_tokens(backend, backend.config["max_new_tokens"])


def too_large(options: argparse.Namespace, backend: "TransformersBackend") -> Iterator[Row]:
    """A batch that does not fit, as other memory is taken: free is what it needs for the prompts, and a quarter of the rest."""
    import torch

    backend.config = {**backend.config, "max_new_tokens": min(64, TOKENS[options.shape])}
    answer_tokens(backend, backend.config["max_new_tokens"])
    images, size, gpu = options.scratch / "images", max(BATCHES[options.shape]), Gpu(options.device)
    requests = prepared(backend, drawings(images, options.shape, size), images)
    whole = measured(gpu, backend, requests)
    yield {"case": f"batch {size}, all memory free", **whole}
    if gpu.cuda is None:
        yield {"case": "a batch that does not fit", "note": "not run: the CPU has no memory of its own"}
        return
    gpu.start()
    free, _ = gpu.cuda.mem_get_info()
    enough = int(0.25 * (whole["GPU memory, GB"] * 1e9 - gpu.cuda.memory_allocated()))
    other = torch.empty(free - enough, dtype=torch.uint8, device="cuda")
    for time_ in ("first", "second"):
        backend.batch_size = size
        case = f"batch {size}, {enough / 1e9:.1f} GB free, {time_} time"
        yield {"case": case, **measured(gpu, backend, requests)}
    del other
    yield {"case": "one image, all memory free again", **measured(gpu, backend, requests[:1])}


def compiled(options: argparse.Namespace) -> Iterator[Row]:
    """Whether a static cache, and compiling the step, would make a batch faster."""
    backend = yield from loaded(options, "bfloat16")
    gpu, size, tokens = Gpu(options.device), JOB_BATCH[options.shape], backend.config["max_new_tokens"]
    images = options.scratch / "images"
    requests = prepared(backend, drawings(images, options.shape, size), images)
    cases: dict[str, Row] = {
        "dynamic cache, as the backend": {},
        "static cache": {"cache_implementation": "static", "disable_compile": True},
        "static cache, compiled": {"cache_implementation": "static", "disable_compile": options.device == "cpu"},
    }
    for name, changes in cases.items():
        for key, value in changes.items():
            setattr(backend.model.generation_config, key, value)
        start = gpu.start()
        bare_generate(backend, requests)
        first = gpu.now() - start
        start = gpu.start()
        bare_generate(backend, requests)
        seconds = gpu.now() - start
        figures = {"captions/s": size / seconds, "tokens/s": size * tokens / seconds, "ms a step": 1000 * seconds / tokens}
        yield {"case": f"batch {size}, {name}", **figures, "first time, s": first, "GPU memory, GB": gpu.peak()}
