"""What is measured of batches: speed and memory."""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from booruflow.captioning.backends.interface import Prepared
    from booruflow.captioning.backends.transformers import TransformersBackend

Row = dict[str, Any]
"""Of the table: its columns by name, `case` first; `error` where it failed."""


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
