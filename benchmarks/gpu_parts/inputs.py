"""The sizes of the captioning parts, and their requests: drawn images with their tags, as a caption job prepares them."""

import argparse
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_parts.measure import Row

if TYPE_CHECKING:
    from booruflow.captioning.backends.interface import Prepared
    from booruflow.captioning.backends.transformers import TransformersBackend

TOKENS = {"full": 300, "small": 12}
BATCHES = {"full": (1, 8, 16, 32, 64), "small": (1, 4)}
IMAGE_SIZES = {"full": ((832, 1216), (1216, 832), (1024, 1024)), "small": ((80, 60), (60, 90))}
PIXELS = {"full": {"min_pixels": 256 * 28 * 28, "max_pixels": 512 * 28 * 28}, "small": {"min_pixels": 784, "max_pixels": 6272}}
JOB_POSTS, JOB_BATCH = {"full": 32, "small": 8}, {"full": 16, "small": 4}


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
