"""How many images a core prepares for a server, and how much of an engine's speed a job reaches: measured without a GPU.

    python benchmarks/feeding.py images|throughput|memory

images      a drawn image of 2000 x 3000 pixels, from each file format to each size and wire format: images per second of a core
throughput  the whole caption job with an engine that answers so many requests a second (tests/helpers/fake_engine.py)
memory      20,000 images through one job: resident memory while it runs
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from engines import captioner  # noqa: E402
from PIL import Image  # noqa: E402
from small_shards import make_shard, row  # noqa: E402

from booruflow.captioning.backends.interface import Request  # noqa: E402
from booruflow.captioning.backends.server import ServerBackend  # noqa: E402
from booruflow.captioning.backends.serving.chat_body import chat_body  # noqa: E402
from booruflow.captioning.caption import Outputs, caption_shard  # noqa: E402
from booruflow.captioning.journal import Journal  # noqa: E402
from booruflow.captioning.prompts.prompt import Prompt  # noqa: E402
from booruflow.sources.images.decoding import open_image  # noqa: E402

SIZE = (2000, 3000)
FILES = {"JPEG": {"quality": 90}, "WEBP": {"quality": 85}, "PNG": {}}
IMAGES = {"large": ("2000 x 3000 to 0.4 Mpx", 401_408, SIZE), "small": ("100 x 150", 15_000, (100, 150))}
PIXELS = {"0.4 Mpx": 401_408, "1 Mpx": 1_048_576}


def drawing() -> Image.Image:
    """An image with smooth areas, edges and a little noise, as drawings have."""
    rng = np.random.default_rng(0)
    flat = Image.fromarray(rng.integers(0, 256, (30, 20, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.NEAREST)
    smooth = Image.fromarray(rng.integers(0, 256, (60, 40, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    noise = rng.integers(-4, 5, (SIZE[1], SIZE[0], 1))
    return Image.fromarray((np.asarray(Image.blend(flat, smooth, 0.7)) + noise).clip(0, 255).astype(np.uint8))


def images(rounds: int) -> None:
    """Time the preparation of one image, from its bytes to the body of the request."""
    image = drawing()
    print("| file | size sent | wire format | ms an image | images/s a core | body, kB |\n|---|---|---|---:|---:|---:|")
    for kind, options in FILES.items():
        out = io.BytesIO()
        image.save(out, kind, **options)
        data = out.getvalue()
        times: dict[tuple[str, str], list[float]] = {case: [] for case in product(PIXELS, ("BMP", "PNG"))}
        sizes: dict[tuple[str, str], int] = {}
        for _, (name, wire) in product(range(rounds), times):  # in turns, so that other programs disturb all alike
            start = time.process_time()
            request = Request(1, Prompt("", "describe"), open_image(data, PIXELS[name]))
            sizes[name, wire] = len(chat_body(request, {"model": "m"}, PIXELS[name], wire))
            times[name, wire].append(time.process_time() - start)
        for (name, wire), seconds in times.items():
            figures = f"{1000 * median(seconds):.0f} | {1 / median(seconds):.1f} | {sizes[name, wire] // 1000}"
            print(f"| {kind}, {len(data) / 1e6:.1f} MB | {name} | {wire} | {figures} |", flush=True)


def source_images(folder: Path, count: int, size: tuple[int, int]) -> None:
    """A few JPEG files, and links to them, so that each post has one."""
    folder.mkdir(parents=True)
    drawing().resize(size).save(folder / "source.jpg", "JPEG", quality=90)
    for number in range(count):
        (folder / f"{number}.jpg").symlink_to("source.jpg")


def run_job(folder: Path, posts: int, rate: float, slots: int, pixels: int, threads: int, size: tuple[int, int]) -> dict:
    """A whole job with an engine of this speed; returns its figures."""
    source_images(folder / "images", posts, size)
    shard = make_shard(folder, [row(n, image=f"{n}.jpg") for n in range(posts)])
    config = captioner(folder, "--rate", rate, "--slots", slots) | {"max_pixels": pixels}
    backend = ServerBackend(config)
    backend.preset = replace(backend.preset, image_format="BMP")
    outputs = Outputs(*(folder / name for name in ("raw", "skipped", "failed", "stats")))
    caption_shard(shard, config, [backend], outputs, threads)
    return json.loads(outputs.stats.read_text())[0]["generated"]


def throughput(seconds: float, threads: int) -> None:
    """Answers per second of the job, compared with what the engine could do."""
    print("| engine, answers/s | at a time | images | answers | job, answers/s | share | CPU of the job |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for rate, slots, images_of in ((5, 16, "large"), (20, 64, "large"), (100, 64, "small")):
        posts = max(int(rate * seconds), 16 * slots)
        name, pixels, size = IMAGES[images_of]
        with tempfile.TemporaryDirectory() as folder:
            cpu = time.process_time()
            figures = run_job(Path(folder), posts, rate, slots, pixels, threads, size)
            cpu = time.process_time() - cpu
            answers = [float(line.split()[2]) for line in (Path(folder) / "answers").read_text().splitlines()]
        middle = answers[len(answers) // 2 : -slots]  # from when the limit is found until the last requests
        steady = (len(middle) - 1) / (middle[-1] - middle[0])
        print(
            f"| {rate} | {slots} | {name} | {figures['captions']} | {steady:.1f} | {steady / rate:.0%}"
            f" | {cpu / figures['generating_seconds']:.0%} |",
            flush=True,
        )


def memory(posts: int) -> None:
    """Resident memory of the job at every tenth of the images."""
    with tempfile.TemporaryDirectory() as folder:
        process, tenth = psutil.Process(), posts // 10
        saved, append = 0, Journal.append

        def counted(self: Journal, entries: object) -> None:
            nonlocal saved
            lines = list(entries)  # type: ignore[call-overload]
            if saved // tenth < (saved + len(lines)) // tenth:
                print(f"{saved + len(lines)} images: {process.memory_info().rss / 1e6:.0f} MB", flush=True)
            saved += len(lines)
            append(self, lines)

        Journal.append = counted  # type: ignore[method-assign]
        run_job(Path(folder), posts, 1000, 64, 40_000, 2, (300, 450))


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["images", "throughput", "memory"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--posts", type=int, default=20_000)
    options = parser.parse_args()
    if options.what == "images":
        images(options.rounds)
    elif options.what == "throughput":
        throughput(options.seconds, options.threads)
    else:
        memory(options.posts)
