"""A naive baseline for the caption products: every file is loaded whole, as one dict, with the standard modules.

    python benchmarks/naive.py STAGE --metadata M.parquet --captions C.parquet --results FOLDER [--threads 1]

It stands for the scripts that people write for this job: one per stage, each of which reads its inputs and writes one
product. As in the scripts published for danbooru2024, rows of a table go through tqdm's `thread_map`; `--threads 1`
uses a simple loop, which is faster. The speed of the workflow is measured against it, and on small data the content of its
products is compared, though not the bytes: rows keep the order of the metadata, and JSON is indented.
"""

import argparse
import hashlib
import json
import math
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.contrib.concurrent import thread_map

CATEGORIES = ["artist", "character", "copyright", "general", "meta"]
CAPTION_COLUMNS = ["phi3v_horny", "pixtral_caption", "florence_short", "florence_long"]

Entries = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """Inputs, the output folder and options."""

    metadata: Path
    captions: Path
    results: Path
    resolutions: Path | None = None
    """An existing meta_lat.json of sd-scripts; if None, resolutions are computed."""
    images: str = "/data/images"
    """The absolute folder of the images, with which the keys of meta_lat.json start."""
    threads: int = 4
    """Size of the thread pool that processes rows of a table; 1 for a simple loop."""
    shards: int = 4
    tars: int = 1000
    resolution: int = 1024
    min_reso: int = 256
    max_reso: int = 2048
    step: int = 64


def load(path: Path) -> Entries:
    """Read a JSON file."""
    with path.open(encoding="utf-8") as file:
        entries: Entries = json.load(file)
        return entries


def save(path: Path, content: object) -> None:
    """Write an indented JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False))


def for_each(settings: Settings, function: Callable[[Any], None], rows: Iterable[Any]) -> None:
    """Call `function` with each row, in threads or in a loop."""
    if settings.threads > 1:
        thread_map(function, rows, max_workers=settings.threads)
    else:
        for row in rows:
            function(row)


def tags_json(settings: Settings) -> None:
    """tags/meta_cap_dd.json."""
    columns = [f"tag_string_{category}" for category in CATEGORIES]
    posts = pd.read_parquet(settings.metadata, columns=["id", *columns])
    entries = {}

    def add(row: tuple[Any, ...]) -> None:
        post, *strings = row
        tags = [tag for string in strings for tag in string.split()]
        if tags:
            entries[str(post)] = {"tags": ", ".join(tags)}

    for_each(settings, add, posts.itertuples(index=False))
    save(settings.results / "tags/meta_cap_dd.json", entries)


def base_captions(settings: Settings) -> None:
    """captions/meta_cap_base.json."""
    rows = pd.read_parquet(settings.captions, columns=["index", *CAPTION_COLUMNS])
    entries = {}

    def add(row: tuple[Any, ...]) -> None:
        post, *texts = row
        caption = " ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())
        if caption:
            entries[str(post)] = {"caption": caption}

    for_each(settings, add, rows.itertuples(index=False))
    save(settings.results / "captions/meta_cap_base.json", entries)


def missing(settings: Settings) -> None:
    """missing/missing.json."""
    ids = pd.read_parquet(settings.metadata, columns=["id"])["id"].tolist()
    tags = load(settings.results / "tags/meta_cap_dd.json")
    captions = load(settings.results / "captions/meta_cap_base.json")
    resolutions = known_resolutions(settings.resolutions) if settings.resolutions else None
    save(
        settings.results / "missing/missing.json",
        {
            "tags": [post for post in ids if str(post) not in tags],
            "caption": [post for post in ids if str(post) not in captions],
            "latent": [post for post in ids if resolutions is not None and post not in resolutions],
        },
    )


def shards(settings: Settings) -> None:
    """missing/split_{n}.json and .parquet."""
    wanted = set(load(settings.results / "missing/missing.json")["caption"])
    posts = pd.read_parquet(settings.metadata)
    for n in range(settings.shards):
        rows = posts[posts["id"].isin(wanted) & (posts["id"] % settings.shards == n)].sort_values("id")
        save(settings.results / f"missing/split_{n}.json", rows["id"].tolist())
        rows.to_parquet(settings.results / f"missing/split_{n}.parquet")


def meta_cap(settings: Settings) -> None:
    """meta_cap.json: base captions, replaced by good ones, replaced by fixed ones."""
    folder = settings.results / "captions"
    entries = load(folder / "meta_cap_base.json")
    for path in sorted(folder.glob("good_*.json")) + sorted(folder.glob("fixed_*.json")):
        entries.update(load(path))
    save(settings.results / "meta_cap.json", entries)


def meta_lat(settings: Settings) -> None:
    """meta_lat.json in the format that every version of sd-scripts reads, and the same as meta_lat.jsonl."""
    tags = load(settings.results / "tags/meta_cap_dd.json")
    captions = load(settings.results / "meta_cap.json")
    resolutions = known_resolutions(settings.resolutions) if settings.resolutions else None
    posts = pd.read_parquet(settings.metadata, columns=["id", "image_width", "image_height", "file_ext"])
    sizes = bucket_sizes(settings)
    entries = {}
    for post, width, height, extension in posts.itertuples(index=False):
        if resolutions is not None and post not in resolutions:
            continue
        resolution = nearest_bucket(width, height, sizes) if resolutions is None else resolutions[post]
        entry: dict[str, Any] = {}
        # sd-scripts cuts the prompt at the first line break
        caption = " ".join(captions.get(str(post), {}).get("caption", "").split())
        line = tags.get(str(post), {}).get("tags", "")
        if caption:
            entry["caption"] = caption
            if line:
                entry["tags"] = line
        elif line:
            entry["caption"] = line
        else:
            continue
        entry["train_resolution"] = resolution
        entry["image_size"] = [width, height]
        entries[f"{settings.images}/{post}.{extension}"] = entry
    save(settings.results / "meta_lat.json", entries)
    with (settings.results / "meta_lat.jsonl").open("w", encoding="utf-8") as file:
        for key, entry in entries.items():
            line = {"image_path": key} | {name: value for name, value in entry.items() if name != "train_resolution"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def known_resolutions(path: Path) -> dict[int, list[int]]:
    """The training resolutions in an existing meta_lat.json, whose keys are paths or ids, by post id."""
    return {int(Path(key).stem): entry["train_resolution"] for key, entry in load(path).items()}


def bucket_sizes(settings: Settings) -> list[tuple[int, int]]:
    """The buckets of sd-scripts, ascending."""
    area = settings.resolution**2
    square = math.isqrt(area) // settings.step * settings.step
    sizes = {(square, square)}
    for width in range(settings.min_reso, settings.max_reso + 1, settings.step):
        height = min(settings.max_reso, area // width // settings.step * settings.step)
        if height >= settings.min_reso:
            sizes.add((width, height))
            sizes.add((height, width))
    return sorted(sizes)


def nearest_bucket(width: int, height: int, sizes: list[tuple[int, int]]) -> list[int]:
    """The bucket of exactly this size, otherwise the one of the nearest aspect ratio."""
    if (width, height) in sizes:
        return [width, height]
    ratio = width / height
    return list(min(sizes, key=lambda size: abs(size[0] / size[1] - ratio)))


def caption_tars(settings: Settings) -> None:
    """tars/captions/0000.tar ... with an index beside each."""
    members = defaultdict(list)
    for post, entry in load(settings.results / "meta_cap.json").items():
        members[int(post) % settings.tars].append((int(post), entry["caption"]))
    folder = settings.results / "tars/captions"
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(settings.tars):
        path = folder / f"{n:04d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for post, caption in sorted(members[n]):
                data = " ".join(caption.split()).encode()  # a trainer reads one line
                member = tarfile.TarInfo(f"{post}.caption")
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
        with path.with_suffix(".json").open("w") as file:
            json.dump(tar_index(path), file)


def tar_index(path: Path) -> dict[str, Any]:
    """The index that `hfutils.index.tar_create_index` writes beside a tar."""
    data = path.read_bytes()
    files = {}
    with tarfile.open(path) as tar:
        for member in tar:
            content = data[member.offset_data : member.offset_data + member.size]
            files[member.name] = {
                "offset": member.offset_data,
                "size": member.size,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
    return {
        "filesize": len(data),
        "hash": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
        "hash_lfs": hashlib.sha256(data).hexdigest(),
        "files": files,
    }


STAGES: dict[str, Callable[[Settings], None]] = {
    stage.__name__: stage for stage in (tags_json, base_captions, missing, shards, meta_cap, meta_lat, caption_tars)
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="One stage of the naive baseline.")
    parser.add_argument("stage", choices=STAGES)
    for name in ("metadata", "captions", "results"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--resolutions", type=Path)
    parser.add_argument("--threads", type=int, default=Settings.threads)
    arguments = vars(parser.parse_args())
    STAGES[arguments.pop("stage")](Settings(**arguments))


if __name__ == "__main__":
    main()
