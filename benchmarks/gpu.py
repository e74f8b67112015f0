"""What booruflow does on a GPU, in one command of under 9 minutes: does it run, how fast, with how much memory.

    python benchmarks/gpu.py --out FOLDER                        on the GPU; FOLDER/gpu.md and FOLDER/gpu.json
    python benchmarks/gpu.py --out FOLDER --parts lease,bfloat16
    python benchmarks/gpu.py --out FOLDER --device cpu --shape small

lease       jobs that want the one GPU at the same time: in turns, also when the first is killed
checkpoint  random weights of Qwen2-VL-7B's shape (ToriiGate v0.4's) with processor and tokenizer files: 17 GB in --scratch
bfloat16    with sdpa and answers of 300 tokens: the whole caption job, compared with a bare `generate` over the same batches;
            NVML's figures; the backend `transformers` with batches of 1, 8, 16, 32 and 64; JSON by construction; a batch
            that does not fit, because other memory of the GPU is taken
float16     the same batches
tag_model   the training of the tag-set model on the GPU (`tag_model.gpus: 1`), in float32 and in bf16, stopped and resumed
tipo        the backend `tipo` with a LLaMA of TIPO-500M's size
compiled    a bare `generate` with a static cache, as it is and compiled

Each part is a process of its own with a time limit. What fails or has to be stopped is a row with the error, and the rest goes
on. `--device cpu --shape small` is for trying out the script.

Needs torch with CUDA, and beside it `pip install accelerate jsonschema numpy nvidia-ml-py orjson pillow polars psutil pyarrow
pyyaml safetensors scipy tokenizers tqdm transformers`, in the versions of pyproject.toml or near them; for some rows also
`xgrammar` (JSON by construction) and `tipo-kgen` (tipo). booruflow itself need not be installed, and nothing is downloaded.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "tests/helpers", "benchmarks")]

if TYPE_CHECKING:
    from booruflow.captioning.backends.interface import Prepared
    from booruflow.captioning.backends.transformers import TransformersBackend

Row = dict[str, Any]
TOTAL_SECONDS = 530.0
TOKENS = {"full": 300, "small": 12}
BATCHES = {"full": (1, 8, 16, 32, 64), "small": (1, 4)}
IMAGE_SIZES = {"full": ((832, 1216), (1216, 832), (1024, 1024)), "small": ((80, 60), (60, 90))}
PIXELS = {"full": {"min_pixels": 256 * 28 * 28, "max_pixels": 512 * 28 * 28}, "small": {"min_pixels": 784, "max_pixels": 6272}}
JOB_POSTS, JOB_BATCH = {"full": 32, "small": 8}, {"full": 16, "small": 4}
TAG_SETS = {"full": (20_000, 8_000), "small": (400, 60)}
"""Sets and tags."""
SETS_PER_STEP, STEPS = {"full": 512, "small": 100}, {"full": 100, "small": 4}


def settings(options: argparse.Namespace, dtype: str, **changes: object) -> dict[str, Any]:
    """The config section captioner. Sampled, since the greedy answers of random weights repeat themselves and are stopped."""
    from small_shards import CAPTIONER

    sized = {"model": str(options.scratch / "captioner"), "max_new_tokens": TOKENS[options.shape], **PIXELS[options.shape]}
    run = {"backend": "transformers", "device": options.device, "dtype": dtype, "attention": "sdpa", "temperature": 1}
    return CAPTIONER | sized | run | {"batch_size": JOB_BATCH[options.shape], "max_gpu_temperature": None} | changes


def answer_tokens(backend: "TransformersBackend", least: int) -> None:
    """Let no answer end earlier: random weights end some by chance."""
    backend.model.generation_config.min_new_tokens = least


def drawings(folder: Path, shape: str, count: int) -> list[Row]:
    """Rows of a shard with images of a booru's sizes in `folder`, eight of which are drawn."""
    from small_shards import row

    from booruflow.demo.descriptions import scene_tags
    from booruflow.demo.drawing.image import draw
    from booruflow.demo.scene import choose_scene

    folder.mkdir(parents=True, exist_ok=True)
    rng, sizes, tags = random.Random(3), IMAGE_SIZES[shape], []
    for number in range(8):
        scene = choose_scene(rng)
        draw(scene, rng).resize(sizes[number % len(sizes)]).save(folder / f"{number}.jpg", quality=92)
        tags.append(", ".join(scene_tags(scene)["general"]))
    return [row(number, general=tags[number % 8], image=f"{number % 8}.jpg") for number in range(count)]


def prepared(backend: Any, rows: list[Row], images: Path | None) -> list["Prepared"]:  # noqa: ANN401
    """What a job prepares for each post; without images for a backend that needs none."""
    from booruflow.captioning.backends.interface import Request
    from booruflow.captioning.planning import row_prompt
    from booruflow.captioning.prompts.known import NOTHING
    from booruflow.sources.images.decoding import open_image

    requests = []
    for row in rows:
        image = open_image((images / row["image"]).read_bytes()) if images else None
        requests.append(backend.prepare(Request(row["id"], row_prompt(row, backend.config, backend, NOTHING), image)))
    return requests


class Gpu:
    """The GPU's memory and clock, as far as there is a GPU."""

    def __init__(self, device: str) -> None:
        import torch

        self.cuda = torch.cuda if device == "cuda" else None

    def now(self) -> float:
        """Seconds; what was started on the GPU has ended."""
        if self.cuda:
            self.cuda.synchronize()
        return time.perf_counter()

    def start(self) -> float:
        """Forget the peak so far; the time."""
        if self.cuda:
            self.cuda.empty_cache()
            self.cuda.reset_peak_memory_stats()
        return self.now()

    def peak(self) -> float | None:
        """GB that tensors took at most since `start`."""
        return round(self.cuda.max_memory_allocated() / 1e9, 2) if self.cuda else None


def captioner(options: argparse.Namespace, dtype: str) -> "TransformersBackend":
    """The product's backend, which after loading is warm, and gives answers that have as many tokens as they may."""
    from PIL import Image

    from booruflow.captioning.backends.interface import Request
    from booruflow.captioning.backends.transformers import TransformersBackend
    from booruflow.captioning.prompts.prompt import Prompt

    class EndlessAnswers(TransformersBackend):
        def load(self) -> None:
            super().load()
            config, request = self.config, Request(0, Prompt("", "?"), Image.new("RGB", (640, 640)))
            self.config = {**config, "max_new_tokens": 4}
            list(self.generate(iter([[self.prepare(request)]])))
            self.config = config
            answer_tokens(self, config["max_new_tokens"])

    return EndlessAnswers(settings(options, dtype))


def loaded(options: argparse.Namespace, dtype: str) -> Iterator[Row]:
    """Load a captioner; the generator's value is the backend."""
    gpu, backend = Gpu(options.device), captioner(options, dtype)
    start = gpu.start()
    backend.load()
    yield {"case": "load", "seconds": gpu.now() - start, "GPU memory, GB": gpu.peak()}
    return backend


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


def measured(gpu: Gpu, backend: "TransformersBackend", requests: list["Prepared"]) -> Row:
    """The figures of one batch through the backend."""
    from booruflow.captioning.backends.interface import Generation

    backend.batch_size = len(requests)
    start = gpu.start()
    parts = list(backend.generate(iter([requests])))
    seconds = gpu.now() - start
    answers = [answer for part in parts for answer in part]
    good = [answer for answer in answers if isinstance(answer, Generation)]
    tokens = sum(answer.completion_tokens for answer in good)
    failed = {answer.reason for answer in answers if not isinstance(answer, Generation)}
    row = {
        "captions/s": len(good) / seconds,
        "tokens/s": tokens / seconds,
        "ms a step": 1000 * seconds / max((answer.completion_tokens for answer in good), default=1),
        "tokens a caption": tokens / max(len(good), 1),
        "GPU memory, GB": gpu.peak(),
    }
    if len(parts) > 1:
        row["generated in batches of"] = ", ".join(str(len(part)) for part in parts)
    return row | ({"error": "; ".join(sorted(failed))} if failed else {})


def bare_generate(backend: "TransformersBackend", requests: list["Prepared"]) -> None:
    """One batch through the model's own `generate`: nothing of booruflow but the inputs."""
    import torch

    from booruflow.captioning.backends.decoding import pad_left

    inputs = pad_left([request.inputs["tokens"] for request in requests], backend.tokenizer.pad_token_id)
    inputs["mm_token_type_ids"] = (inputs["input_ids"] == backend.image_token).int()
    for name in ("pixel_values", "image_grid_thw"):
        inputs[name] = torch.cat([request.inputs[name] for request in requests])
    inputs = {name: tensor.to(backend.model.device) for name, tensor in inputs.items()}
    with torch.inference_mode():
        backend.model.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=backend.config["max_new_tokens"]
        )


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


def rows_or_error(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows; an exception is the last one."""
    try:
        yield from rows
    except Exception as error:  # noqa: BLE001 whatever it is: the other figures count too
        traceback.print_exc()
        yield {"case": f"{name} ended early", "error": f"{type(error).__name__}: {error}"[:300]}


def tag_model(options: argparse.Namespace) -> Iterator[Row]:
    """Steps of the training on the leased GPU: in float32, in bf16, and in bf16 with the other kind of attention."""
    import numpy as np
    import yaml
    from debian_sets import tag_sets

    from booruflow.core.config import check_config
    from booruflow.tag_model.gpus import leased_gpus
    from booruflow.tag_model.model import ModelConfig
    from booruflow.tag_model.protocol import completion_queries, sample_sets, split_sets

    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())["properties"]["tag_model"]
    defaults = check_config({}, schema)
    sets, tags = TAG_SETS[options.shape]
    draw = np.random.default_rng(0)
    sizes = draw.integers(20, 45, sets)
    ranks = np.minimum(draw.zipf(1.3, sizes.sum()), tags)
    names = np.array([f"{('general', 'character', 'meta')[number % 3]}::{number}" for number in range(tags + 1)])
    lists = np.split(names[ranks], np.cumsum(sizes)[:-1])
    splits = split_sets([tag_sets(lists, range(sets), range(sets))], "v1", train=90, validation=5)
    queries = completion_queries(sample_sets(splits.validation, 500))
    vocabulary = splits.train.vocabulary
    architecture = ModelConfig(len(vocabulary), len(vocabulary.categories), **defaults["architecture"])
    with leased_gpus(1 if options.device == "cuda" else 0):
        from accelerate.state import AcceleratorState

        from booruflow.tag_model.training import Trainer, TrainingConfig

        for precision, attention in (("no", "padded"), ("bf16", "padded"), ("bf16", "nested")):
            AcceleratorState._reset_state(reset_partial_state=True)  # as a process of its own would begin
            changes = {"epochs": 100, "mixed_precision": precision, "attention": attention, "validations": 1}
            changes |= {"batch_size": SETS_PER_STEP[options.shape]}
            config = TrainingConfig(**defaults["training"] | changes)
            checkpoint = options.scratch / f"{precision}-{attention}.pt"
            trainer = Trainer(splits.train, queries, architecture, config, checkpoint)
            yield {"case": f"{precision}, {attention}", **training_figures(trainer, options)}
        trainer.validate(0.0, 0.0)
        trainer.save()
        resumed = Trainer(splits.train, queries, architecture, config, checkpoint)
        loss = resumed.take_step(10 * STEPS[options.shape])
        yield {"case": "the last one, resumed", "at step": resumed.step, "MRR": resumed.log[-1]["MRR"], "last loss": loss}


def training_figures(trainer: Any, options: argparse.Namespace) -> Row:  # noqa: ANN401
    """Speed and loss of a few steps after as many to warm up."""
    gpu, steps = Gpu(options.device), STEPS[options.shape]
    first = [trainer.take_step(10 * steps) for _ in range(steps // 2)]
    start = gpu.start()
    losses = [trainer.take_step(10 * steps) for _ in range(steps)]
    seconds = gpu.now() - start
    return {
        "device": str(trainer.accelerator.device),
        "sets/s": steps * trainer.config.batch_size / seconds,
        "ms a step": 1000 * seconds / steps,
        "first loss": first[0],
        "last loss": losses[-1],
        "GPU memory, GB": gpu.peak(),
    }


def tipo(options: argparse.Namespace) -> Iterator[Row]:
    """Texts from tags alone."""
    from random_checkpoints import FULL, SMALL, save_tipo

    from booruflow.captioning.backends.tipo import TipoBackend

    folder = options.scratch / "tipo"
    parameters = save_tipo(folder, FULL if options.shape == "full" else SMALL, options.device)
    gpu = Gpu(options.device)
    for dtype in ("bfloat16", "float16"):
        config = settings(options, dtype, tipo={"model": str(folder), "revision": None})
        backend: Any = TipoBackend(config)
        start = gpu.start()
        backend.load()
        yield {"case": f"{dtype}, load", "seconds": gpu.now() - start, "million parameters": parameters / 1e6}
        answer_tokens(backend, config["max_new_tokens"])
        rows = drawings(options.scratch / "images", options.shape, max(BATCHES[options.shape]))
        requests = prepared(backend, rows, None)
        for size in (1, len(requests)):
            yield {"case": f"{dtype}, batch {size}", **measured(gpu, backend, requests[:size])}


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


HOLDER = """
import sys, time
sys.path.insert(0, {scripts!r})
from booruflow.captioning.gpus.leases import lease
start = time.monotonic()
with lease() as gpu:
    print(time.monotonic() - start, gpu, flush=True)
    import torch
    print(torch.cuda.device_count(), torch.cuda.is_available() and torch.ones(1000, device="cuda").sum().item(), flush=True)
    time.sleep({seconds})
"""


def lease(options: argparse.Namespace) -> Iterator[Row]:
    """Two processes want the one GPU: the second gets it when the first is killed."""
    from booruflow.captioning.gpus import leases
    from booruflow.captioning.gpus.monitor import INTERVAL, GpuMonitor

    environment = {**os.environ, "BOORUFLOW_LOCKS": str(options.scratch / "locks")}
    if options.device == "cpu":
        environment |= {leases.SIMULATED: "1", "CUDA_VISIBLE_DEVICES": "0"}
    else:
        visible = leases.visible_gpus()
        yield {"case": "visible", "GPUs": str(visible)}
        environment["CUDA_VISIBLE_DEVICES"] = next(iter(visible), "")
    with ExitStack() as stack:
        holders = []
        for seconds in (600, 0):
            code = HOLDER.format(scripts=str(ROOT / "scripts"), seconds=seconds)
            holders.append(subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True))
            stack.callback(holders[-1].kill)
            if seconds:
                (waited, gpu), (count, total) = (holders[0].stdout.readline().split() for _ in range(2))
                yield {"case": "first job", "waited, s": float(waited), "GPU": gpu, "torch sees": int(count), "sum": total}
        time.sleep(3)
        holders[0].kill()
        waited, gpu = holders[1].communicate(timeout=60)[0].split()[:2]
        yield {"case": "second job, started with the first, which is killed 3 s later", "waited, s": float(waited), "GPU": gpu}
    with GpuMonitor(gpu if options.device == "cuda" else None, None, lambda: False) as monitor:
        time.sleep(2 * INTERVAL + 0.5)
    yield {"case": "NVML, at rest", **monitor.figures()}


def checkpoint(options: argparse.Namespace) -> Iterator[Row]:
    """The captioner's files."""
    from random_checkpoints import FULL, SMALL, save_captioner

    start = time.perf_counter()
    folder = options.scratch / "captioner"
    parameters = save_captioner(folder, FULL if options.shape == "full" else SMALL, options.device)
    size = sum(path.stat().st_size for path in folder.iterdir())
    figures = {"seconds": time.perf_counter() - start, "million parameters": parameters / 1e6, "GB": size / 1e9}
    yield {"case": "made and saved", **figures}


PARTS: Mapping[str, tuple[float, Callable[[argparse.Namespace], Iterator[Row]]]] = {
    "lease": (80, lease),
    "checkpoint": (120, checkpoint),
    "bfloat16": (240, bfloat16),
    "float16": (110, float16),
    "tag_model": (60, tag_model),
    "tipo": (60, tipo),
    "compiled": (150, compiled),
}
"""Each with the seconds that it may take."""


def run_part(name: str, options: argparse.Namespace) -> None:
    """Run a part in this process: a line of JSON on standard output per row, the last one with the error if it fails."""
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    for row in rows_or_error(name, PARTS[name][1](options)):
        print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}), flush=True)


def rows_of_part(name: str, options: argparse.Namespace, seconds: float) -> list[Row]:
    """Run a part in a process of its own; what it printed until its end or its time was over."""
    log = options.out / f"{name}.log"
    common = ["--out", options.out, "--scratch", options.scratch, "--device", options.device, "--shape", options.shape]
    with log.open("w") as stderr, tempfile.TemporaryFile("w+") as stdout:
        command = [sys.executable, __file__, "--part", name, *map(str, common)]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, start_new_session=True)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            kill_group(process)
        stdout.seek(0)
        rows = [json.loads(line) for line in stdout.read().splitlines() if line.startswith("{")]
    if status is None:
        rows.append({"case": "stopped", "error": f"not done after {seconds:.0f} s"})
    elif status:
        rows.append({"case": "ended early", "error": f"exit status {status}, see {log.name}"})
    return rows


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a part and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def table(results: Mapping[str, list[Row]]) -> str:
    """Markdown: for each part a table of the rows that have the same columns, one after another."""
    text = []
    for part, rows in results.items():
        text.append(f"## {part}\n")
        for columns, group in groupby(rows, key=tuple):
            text += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
            text += [f"| {' | '.join(shown(row[column]) for column in columns)} |" for row in group]
            text.append("")
    return "\n".join(text)


def shown(value: object) -> str:
    """A cell of the table."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/").replace("\n", " ")


def machine() -> Row:
    """GPU, driver and versions."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        gpu = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        gpu = "none"
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("torch", "transformers", "accelerate", "polars", "xgrammar", "tipo-kgen", "nvidia-ml-py"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {"case": "machine", "GPU": gpu, "Python": sys.version.split()[0], **versions}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, help="for the checkpoint; kept if given, else a temporary folder")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--shape", choices=["full", "small"], default="full")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, in this order")
    parser.add_argument("--seconds", type=float, default=TOTAL_SECONDS, help="for all parts together")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        run_part(options.part, options)
        return
    if unknown := set(options.parts.split(",")) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    temporary = None if options.scratch else tempfile.mkdtemp(prefix="booruflow-gpu-")
    options.scratch = options.scratch or Path(temporary)
    end = time.monotonic() + options.seconds
    results: dict[str, list[Row]] = {"machine": [machine()]}
    try:
        for name in options.parts.split(","):
            start = time.monotonic()
            limit = min(PARTS[name][0], end - start)
            results[name] = (
                rows_of_part(name, options, limit) if limit > 1 else [{"case": "not started", "error": "no time left"}]
            )
            results[name].append({"case": "the whole part", "seconds": round(time.monotonic() - start, 1)})
            (options.out / "gpu.json").write_text(json.dumps(results, indent=1))
            (options.out / "gpu.md").write_text(table(results))
            print(table({name: results[name]}), flush=True)
    finally:
        if temporary:
            shutil.rmtree(temporary)


if __name__ == "__main__":
    main()
