"""The backend `tipo` with a LLaMA of TIPO-500M's size."""

import argparse
from collections.abc import Iterator
from typing import Any

from gpu_parts.inputs import BATCHES, answer_tokens, drawings, prepared, settings
from gpu_parts.measure import Gpu, Row, measured


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
