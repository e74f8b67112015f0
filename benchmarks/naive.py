"""The caption products made the plain way: every file whole in memory, as one dict, by the standard modules.

    python benchmarks/naive.py STAGE --metadata M.parquet --captions C.parquet --results FOLDER [--threads 1]

It stands for the scripts that people write for this job, one a stage, each of which reads what it needs and writes one
product. As in the scripts published for danbooru2024, rows of a table go through tqdm's `thread_map`; with
`--threads 1` a plain loop walks them, which is faster. It is what the workflow is measured against, and, on small
data, what its products are checked against: equal content, though not equal bytes (rows keep the order of the
metadata, and JSON is indented).
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
class Job:
    """What to read and where to write."""

    metadata: Path
    captions: Path
    results: Path
    resolutions: Path | None = None
    """An existing meta_lat.json of sd-scripts; without one the resolutions are computed."""
    images: str = "/data/images"
    """The folder of the images, absolute: the start of the keys of meta_lat.json."""
    threads: int = 4
    """Of the pool that walks the rows of a table; 1 for a plain loop."""
    shards: int = 4
    tars: int = 1000
    resolution: int = 1024
    min_reso: int = 256
    max_reso: int = 2048
    step: int = 64


def load(path: Path) -> Entries:
    """A JSON file."""
    with path.open(encoding="utf-8") as file:
        entries: Entries = json.load(file)
        return entries


def save(path: Path, content: object) -> None:
    """A JSON file, indented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False))


def walk(job: Job, function: Callable[[Any], None], rows: Iterable[Any]) -> None:
    """Call `function` on each row."""
    if job.threads > 1:
        thread_map(function, rows, max_workers=job.threads)
    else:
        for row in rows:
            function(row)


def tags_json(job: Job) -> None:
    """tags/meta_cap_dd.json."""
    columns = [f"tag_string_{category}" for category in CATEGORIES]
    posts = pd.read_parquet(job.metadata, columns=["id", *columns])
    entries = {}

    def add(row: tuple[Any, ...]) -> None:
        post, *strings = row
        tags = [tag for string in strings for tag in string.split()]
        if tags:
            entries[str(post)] = {"tags": ", ".join(tags)}

    walk(job, add, posts.itertuples(index=False))
    save(job.results / "tags/meta_cap_dd.json", entries)


def base_captions(job: Job) -> None:
    """captions/meta_cap_base.json."""
    rows = pd.read_parquet(job.captions, columns=["index", *CAPTION_COLUMNS])
    entries = {}

    def add(row: tuple[Any, ...]) -> None:
        post, *texts = row
        caption = " ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())
        if caption:
            entries[str(post)] = {"caption": caption}

    walk(job, add, rows.itertuples(index=False))
    save(job.results / "captions/meta_cap_base.json", entries)


def missing(job: Job) -> None:
    """missing/missing.json."""
    ids = pd.read_parquet(job.metadata, columns=["id"])["id"].tolist()
    tags = load(job.results / "tags/meta_cap_dd.json")
    captions = load(job.results / "captions/meta_cap_base.json")
    resolutions = known_resolutions(job.resolutions) if job.resolutions else None
    save(
        job.results / "missing/missing.json",
        {
            "tags": [post for post in ids if str(post) not in tags],
            "caption": [post for post in ids if str(post) not in captions],
            "latent": [post for post in ids if resolutions is not None and post not in resolutions],
        },
    )


def shards(job: Job) -> None:
    """missing/split_{n}.json and .parquet."""
    wanted = set(load(job.results / "missing/missing.json")["caption"])
    posts = pd.read_parquet(job.metadata)
    for n in range(job.shards):
        rows = posts[posts["id"].isin(wanted) & (posts["id"] % job.shards == n)].sort_values("id")
        save(job.results / f"missing/split_{n}.json", rows["id"].tolist())
        rows.to_parquet(job.results / f"missing/split_{n}.parquet")


def meta_cap(job: Job) -> None:
    """meta_cap.json: base captions, then good ones, then fixed ones."""
    folder = job.results / "captions"
    entries = load(folder / "meta_cap_base.json")
    for path in sorted(folder.glob("good_*.json")) + sorted(folder.glob("fixed_*.json")):
        entries.update(load(path))
    save(job.results / "meta_cap.json", entries)


def meta_lat(job: Job) -> None:
    """meta_lat.json in the form that every version of sd-scripts reads, and the same as meta_lat.jsonl."""
    tags = load(job.results / "tags/meta_cap_dd.json")
    captions = load(job.results / "meta_cap.json")
    resolutions = known_resolutions(job.resolutions) if job.resolutions else None
    posts = pd.read_parquet(job.metadata, columns=["id", "image_width", "image_height", "file_ext"])
    sizes = bucket_sizes(job)
    entries = {}
    for post, width, height, extension in posts.itertuples(index=False):
        if resolutions is not None and post not in resolutions:
            continue
        resolution = nearest_bucket(width, height, sizes) if resolutions is None else resolutions[post]
        entry: dict[str, Any] = {}
        # a line break ends the prompt in sd-scripts
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
        entries[f"{job.images}/{post}.{extension}"] = entry
    save(job.results / "meta_lat.json", entries)
    with (job.results / "meta_lat.jsonl").open("w", encoding="utf-8") as file:
        for key, entry in entries.items():
            line = {"image_path": key} | {name: value for name, value in entry.items() if name != "train_resolution"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def known_resolutions(path: Path) -> dict[int, list[int]]:
    """By post id: the training resolution in an existing meta_lat.json, whose keys are paths or ids."""
    return {int(Path(key).stem): entry["train_resolution"] for key, entry in load(path).items()}


def bucket_sizes(job: Job) -> list[tuple[int, int]]:
    """The buckets of sd-scripts, ascending."""
    area = job.resolution**2
    square = math.isqrt(area) // job.step * job.step
    sizes = {(square, square)}
    for width in range(job.min_reso, job.max_reso + 1, job.step):
        height = min(job.max_reso, area // width // job.step * job.step)
        if height >= job.min_reso:
            sizes.add((width, height))
            sizes.add((height, width))
    return sorted(sizes)


def nearest_bucket(width: int, height: int, sizes: list[tuple[int, int]]) -> list[int]:
    """The bucket of this very size, else that of the nearest aspect ratio."""
    if (width, height) in sizes:
        return [width, height]
    ratio = width / height
    return list(min(sizes, key=lambda size: abs(size[0] / size[1] - ratio)))


def caption_tars(job: Job) -> None:
    """tars/captions/0000.tar ... with an index beside each."""
    members = defaultdict(list)
    for post, entry in load(job.results / "meta_cap.json").items():
        members[int(post) % job.tars].append((int(post), entry["caption"]))
    folder = job.results / "tars/captions"
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(job.tars):
        path = folder / f"{n:04d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for post, caption in sorted(members[n]):
                data = caption.encode()
                member = tarfile.TarInfo(f"{post}.caption")
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
        with path.with_suffix(".json").open("w") as file:
            json.dump(tar_index(path), file)


def tar_index(path: Path) -> dict[str, Any]:
    """What `hfutils.index.tar_create_index` writes beside a tar."""
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


STAGES: dict[str, Callable[[Job], None]] = {
    stage.__name__: stage for stage in (tags_json, base_captions, missing, shards, meta_cap, meta_lat, caption_tars)
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="One stage of the plain way.")
    parser.add_argument("stage", choices=STAGES)
    for name in ("metadata", "captions", "results"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--resolutions", type=Path)
    parser.add_argument("--threads", type=int, default=Job.threads)
    arguments = vars(parser.parse_args())
    STAGES[arguments.pop("stage")](Job(**arguments))


if __name__ == "__main__":
    main()
