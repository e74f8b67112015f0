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

Needs a GPU of 24 GB, 20 GB of memory to read the weights, and torch with CUDA; beside it `pip install accelerate jsonschema numpy
nvidia-ml-py orjson pillow polars psutil pyarrow pyyaml safetensors scipy tokenizers tqdm transformers`, in the versions of
pyproject.toml or near them; for some rows also `xgrammar` (JSON by construction) and `tipo-kgen` (tipo). booruflow itself need
not be installed, and nothing is downloaded.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gpu_parts.captioner import bfloat16, compiled, float16
from gpu_parts.lease import lease
from gpu_parts.measure import Row
from gpu_parts.model import checkpoint
from gpu_parts.runner import CPU_ENVIRONMENT, print_rows, rows_of_process
from gpu_parts.table import machine, table
from gpu_parts.tag_model import tag_model
from gpu_parts.tipo import tipo

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "tests/helpers")]

TOTAL_SECONDS = 530.0
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


def rows_of(part: str, options: argparse.Namespace, seconds: float) -> list[Row]:
    """The rows of a part, which runs in a process of its own for at most so many seconds."""
    if seconds < 1:
        return [{"case": "not started", "error": "no time left"}]
    paths = ["--out", str(options.out), "--scratch", str(options.scratch)]
    command = [sys.executable, __file__, "--part", part, *paths, "--device", options.device, "--shape", options.shape]
    environment = CPU_ENVIRONMENT if options.device == "cpu" else {}
    return rows_of_process(command, environment, options.out / f"{part}.log", seconds)


def measure(parts: list[str], options: argparse.Namespace) -> None:
    """Run the parts one after the other; what is known so far is in the two files after each."""
    end = time.monotonic() + options.seconds
    results: dict[str, list[Row]] = {"machine": [machine()]}
    for name in parts:
        start = time.monotonic()
        results[name] = rows_of(name, options, min(PARTS[name][0], end - start))
        results[name].append({"case": "the whole part", "seconds": round(time.monotonic() - start, 1)})
        (options.out / "gpu.json").write_text(json.dumps(results, indent=1))
        (options.out / "gpu.md").write_text(table(results))
        print(table({name: results[name]}), flush=True)


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
        print_rows(options.part, PARTS[options.part][1](options))
        return
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that no part and no checkpoint is left
    options.out.mkdir(parents=True, exist_ok=True)
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
        measure(parts, options)
        return
    options.scratch = Path(tempfile.mkdtemp(prefix="booruflow-gpu-"))
    try:
        measure(parts, options)
    finally:
        shutil.rmtree(options.scratch)


if __name__ == "__main__":
    main()
