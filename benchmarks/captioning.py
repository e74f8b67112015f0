"""Overhead, batching gain, memory and kill safety of the caption job, measured on the CPU with the demo captioner.

    python benchmarks/captioning.py overhead|batching|memory|kills

overhead   the whole caption job compared with a bare loop of `model.generate` over the same batches
batching   the whole caption job, 16 images at once compared with one at a time
memory     20,000 images through one job: resident memory while it runs
kills      one job killed 20 times at random moments and restarted
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
ROOT = Path(__file__).resolve().parents[1]

import polars as pl  # noqa: E402
import psutil  # noqa: E402
import torch  # noqa: E402

from booruflow.captioning.backends.decoding import pad_left  # noqa: E402
from booruflow.captioning.backends.interface import Generation, Prepared, Request  # noqa: E402
from booruflow.captioning.backends.transformers import TransformersBackend  # noqa: E402
from booruflow.captioning.caption import Outputs, caption_shard  # noqa: E402
from booruflow.captioning.engine import make_batches  # noqa: E402
from booruflow.captioning.prompts.profile import read_profile  # noqa: E402
from booruflow.captioning.prompts.prompt import prompt_of  # noqa: E402
from booruflow.captioning.shards import SHARD_SCHEMA, Shard  # noqa: E402
from booruflow.core.errors import Unreadable  # noqa: E402
from booruflow.sources.images.decoding import open_image  # noqa: E402
from booruflow.sources.images.reading import read_image  # noqa: E402

CAPTIONER = {
    "backend": "transformers",
    "fallback": None,
    "model": str(ROOT / "sample/captioner"),
    "revision": None,
    "profile": read_profile("toriigate-0.4"),
    "style": "json",
    "grounding": ["tags", "characters"],
    "device": "cpu",
    "dtype": "float32",
    "attention": "sdpa",
    "quantization": None,
    "min_pixels": 10035,
    "max_pixels": 15680,
    "batch_size": 16,
    "max_new_tokens": 120,
    "repetition_penalty": 1,
    "temperature": 0,
    "top_p": 1,
    "constrained": False,
    "max_gpu_temperature": None,
}


def make_shard(folder: Path, posts: int) -> Shard:
    """A shard of `posts` rows that repeats the sample's images and tags."""
    tags = dict(pl.read_parquet(ROOT / "sample/metadata.parquet", columns=["id", "tag_string_general"]).iter_rows())
    images = [path for path in sorted((ROOT / "sample/images").glob("*.webp")) if readable(path)]
    rows = []
    for number in range(posts):
        image = images[number % len(images)]
        general = ", ".join(tags[int(image.stem)].split())
        row = dict.fromkeys(SHARD_SCHEMA) | {"id": number, "general": general, "characters": "", "artists": ""}
        rows.append(row | {"image": str(image), "has_metadata": True})
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=SHARD_SCHEMA, orient="row").write_parquet(folder / "split.parquet")
    return Shard(folder / "split.parquet", folder / "journal", folder / "attempts", 0, 1)


def readable(path: Path) -> bool:
    """False for the image that is broken on purpose in the sample."""
    try:
        open_image(path.read_bytes())
    except Unreadable:
        return False
    return True


def caption(shard: Shard, backend: TransformersBackend) -> None:
    """Run the whole job."""
    outputs = Outputs(*(shard.split.parent / name for name in ("raw.jsonl", "skipped.json", "failed.json", "stats.json")))
    caption_shard(shard, backend.config, [backend], outputs, threads=1)


class PreloadedBackend(TransformersBackend):
    """A backend that keeps its model over several jobs, so that loading is not measured."""

    def load(self) -> None:
        """Load the model the first time."""
        if not hasattr(self, "model"):
            super().load()


def timed(work: Callable[[Shard], object], posts: int) -> tuple[float, float]:
    """Wall-clock and CPU seconds of `work` with a fresh shard and journal."""
    with tempfile.TemporaryDirectory() as folder:
        shard = make_shard(Path(folder), posts)
        wall, cpu = time.perf_counter(), time.process_time()
        work(shard)
        return time.perf_counter() - wall, time.process_time() - cpu


def compare(works: dict[str, Callable[[Shard], object]], posts: int, rounds: int) -> None:
    """Time all in alternating rounds and print medians; the first is the baseline of the others."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(timed(work, posts))
            print(f"{name}: {times[name][-1][0]:.2f} s wall clock, {times[name][-1][1]:.2f} s CPU", flush=True)
    baseline = next(iter(times.values()))
    for name, rows in times.items():
        wall, cpu = (median(row[kind] for row in rows) for kind in (0, 1))
        ratios = [median(row[kind] / other[kind] for row, other in zip(rows, baseline, strict=True)) for kind in (0, 1)]
        print(
            f"{name}: {wall / posts:.4f} s an image wall clock, {cpu / posts:.4f} s CPU;"
            f" {ratios[0]:.3f} and {ratios[1]:.3f} of the baseline"
        )


def job_of(**changes: object) -> Callable[[Shard], object]:
    """The whole job with a loaded backend, as something to time."""
    backend = PreloadedBackend(CAPTIONER | changes)
    backend.load()
    return lambda shard: caption(shard, backend)


def plain_loop(shard: Shard, backend: TransformersBackend, batch_size: int) -> None:
    """The loop one would write by hand: open, prepare, batch, generate, decode; no journal, no repetition guard."""
    rows = pl.read_parquet(shard.split).to_dicts()
    for start in range(0, len(rows), batch_size * 4):
        prepared = []
        for row in rows[start : start + batch_size * 4]:
            image = open_image(read_image(row["image"]))
            prepared.append(backend.prepare(Request(row["id"], prompt_of("json", row["general"], ""), image)))
        for batch in make_batches(prepared, batch_size):
            inputs = pad_left([one.inputs["tokens"] for one in batch], backend.tokenizer.pad_token_id)
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == backend.image_token).int()
            for name in ("pixel_values", "image_grid_thw"):
                inputs[name] = torch.cat([one.inputs[name] for one in batch])
            with torch.inference_mode():
                output = backend.model.generate(**inputs, do_sample=False, max_new_tokens=CAPTIONER["max_new_tokens"])
            backend.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def overhead(posts: int, rounds: int) -> None:
    """The whole job compared with a bare loop over the same batches."""
    backend = PreloadedBackend(CAPTIONER)
    backend.load()
    works: dict[str, Callable[[Shard], object]] = {"plain loop": lambda shard: plain_loop(shard, backend, 16)}
    compare(works | {"the job": job_of(), "the job, JSON by construction": job_of(constrained=True)}, posts, rounds)


def batching(posts: int, rounds: int) -> None:
    """Sixteen images at once compared with one at a time."""
    compare({"sixteen at once": job_of(), "one at a time": job_of(batch_size=1)}, posts, rounds)


def small_model(folder: Path) -> str:
    """An untrained Qwen2-VL smaller than the demo's, so that 20,000 images take minutes."""
    from transformers import AutoTokenizer

    from booruflow.demo.tiny_qwen2vl import make_model, make_processor, save

    tokenizer = AutoTokenizer.from_pretrained(CAPTIONER["model"])
    torch.manual_seed(1)
    save(make_model(tokenizer, hidden=64, layers=1, tower_width=32, tower_layers=1), make_processor(tokenizer), folder)
    return str(folder)


def memory(posts: int) -> None:
    """Resident memory of the job while it runs, at every tenth of the images."""
    with tempfile.TemporaryDirectory() as folder:
        make_shard(Path(folder), posts)
        model = small_model(Path(folder) / "model")
        changes = {"model": model, "max_new_tokens": 2, "min_pixels": 784, "max_pixels": 1568}
        job = start(Path(folder), changes)
        journal, process = Path(folder) / "journal/shard_0_of_1.jsonl", psutil.Process(job.pid)
        marks = [posts * part // 10 for part in range(1, 11)]
        while job.poll() is None and marks:
            lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
            if lines >= marks[0]:
                print(f"{lines} images: {process.memory_info().rss / 1e6:.0f} MB", flush=True)
                marks = [mark for mark in marks if mark > lines]
            time.sleep(0.1)
        job.wait()


def kills(posts: int, times: int) -> None:
    """Kill the job at random moments, restart it, and count what was lost or generated twice."""
    rng = random.Random(5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_shard(folder, posts)
        changes = {"model": small_model(folder / "model"), "max_new_tokens": 8, "min_pixels": 784, "max_pixels": 1568}
        changes["log"] = str(folder / "log")
        killed, idle = 0, 0
        journal = folder / "journal/shard_0_of_1.jsonl"
        while killed < times:
            lines = len(journal.read_bytes()) if journal.exists() else 0
            job = start(folder, changes)
            start_time = time.monotonic()
            delay = rng.random() * 3
            # a third of the kills fall anywhere, also while Python and the model load; the others while it generates
            while killed % 3 and job.poll() is None and (len(journal.read_bytes()) if journal.exists() else 0) == lines:
                time.sleep(0.01)
            time.sleep(delay)
            if job.poll() is not None:
                break
            job.kill()
            job.wait()
            killed += 1
            idle += journal.exists() and len(journal.read_bytes()) == lines
            print(f"killed after {time.monotonic() - start_time:.1f} s", flush=True)
        job = start(folder, changes)
        assert job.wait() == 0
        generated = Counter(map(int, (folder / "log").read_text().split()))
        raw = [json.loads(line)["id"] for line in (folder / "raw.jsonl").read_text().splitlines()]
        journalled = Counter(json.loads(line)["id"] for line in journal.read_bytes().splitlines() if line.endswith(b"}"))
        print(f"{killed} kills, {idle} of them before the first new caption; {posts} posts, {len(raw)} captions")
        print(f"lost: {posts - len(set(raw))}; journalled twice: {sum(journalled.values()) - len(journalled)}")
        print(f"generated again (from batches that a kill interrupted): {sum(generated.values()) - len(generated)}")


def start(folder: Path, changes: dict) -> subprocess.Popen[bytes]:
    """The job over the shard in `folder`, in its own process."""
    command = [sys.executable, __file__, "job", "--folder", folder, "--changes", json.dumps(changes)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def job(folder: Path, changes: dict) -> None:
    """The job that `start` starts."""
    shard = Shard(folder / "split.parquet", folder / "journal", folder / "attempts", 0, 1)
    caption(shard, LoggingBackend(CAPTIONER | changes))


class LoggingBackend(TransformersBackend):
    """Appends the ids of each batch to the file `log` of its config, if it has one, before generating the batch."""

    def _generate_batch(self, batch: list[Prepared]) -> list[Generation]:
        if log := self.config.get("log"):
            with Path(log).open("ab", buffering=0) as file:
                file.write(b"".join(b"%d\n" % prepared.id for prepared in batch))
        return super()._generate_batch(batch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["overhead", "batching", "memory", "kills", "job"])
    parser.add_argument("--posts", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--changes", type=json.loads)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "job":
        job(options.folder, options.changes)
    elif options.what == "overhead":
        overhead(options.posts or 192, options.rounds)
    elif options.what == "batching":
        batching(options.posts or 96, options.rounds)
    elif options.what == "memory":
        memory(options.posts or 20_000)
    else:
        kills(options.posts or 3_000, 20)
