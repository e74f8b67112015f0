"""A small data set with captions of every origin, as the rules write its products."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from booruflow.captioning.shards import SHARD_SCHEMA, shard_of
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.core.tables import write_stream
from booruflow.sources.images.listing import IMAGES_SCHEMA
from booruflow.sources.posts import EXTRA_SCHEMA, POSTS_SCHEMA

ROOT = Path(__file__).parents[2]
IDS = list(range(1000, 1120, 3))
SHARDS = 3
RAW = '{"character": "A girl with red hair.", "atmosphere": "The mood'
# what becomes of every post, in turn; those of EDITED and TAGS_ONLY have a base caption or a bad output too
KINDS = ("base", "good", "fallback", "bad", "skipped", "failed", "edited base", "edited bad", "tags only base", "nothing")
KIND_OF = {post: KINDS[number % len(KINDS)] for number, post in enumerate(IDS)}


def of_kind(*kinds):
    return [post for post in IDS if KIND_OF[post] in kinds]


def write(path, entries):
    values = [json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries.values()]
    write_entries(path, [pl.DataFrame({"id": list(entries), "value": values}, schema=ENTRY_SCHEMA)])


def post_row(post):
    general = f"1girl solo tag_{post}" + " even" * (post % 2 == 0)
    return {
        "id": post, "rating": "gsqe"[post % 4], "score": post % 7, "general": general, "artist": "some_artist", "character": "",
        "copyright": "original", "meta": "", "image_width": 64, "image_height": 32, "file_ext": "png", "has_metadata": True,
        "source": f"https://example.org/{post}",
    }  # fmt: skip


def image_bytes(colour="red", form="png"):
    data = io.BytesIO()
    Image.new("RGB", (64, 32), colour).save(data, form)
    return data.getvalue()


def write_images(folder):
    """A loose image, one in a subfolder, one in a tar, and one that is broken; the others are not there."""
    loose, below, packed, broken = IDS[:4]
    (folder / "images/sub").mkdir(parents=True)
    (folder / f"images/{loose}.png").write_bytes(image_bytes())
    (folder / f"images/sub/{below}.webp").write_bytes(image_bytes("green", "webp"))
    (folder / f"images/{broken}.png").write_bytes(b"no image")
    with tarfile.open(folder / "images/0000.tar", "w") as tar:
        member = tarfile.TarInfo(f"{packed}.jpg")
        data = image_bytes("blue", "jpeg")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    rows = [
        (loose, "images", None, f"{loose}.png", None, None),
        (below, "images", None, f"sub/{below}.webp", None, None),
        (packed, "images", "0000.tar", f"{packed}.jpg", tarfile.BLOCKSIZE, len(data)),
        (broken, "images", None, f"{broken}.png", None, None),
    ]
    frame = pl.DataFrame(rows, schema=IMAGES_SCHEMA, orient="row")
    write_stream(folder / "results/images/images.parquet", [frame], IMAGES_SCHEMA)


def make_dataset(tmp_path):
    """The products of the data set, in a folder."""
    results = tmp_path / "results"
    config = (ROOT / "config.yaml").read_text("utf-8").replace("shards: 4", f"shards: {SHARDS}")
    (tmp_path / "config.yaml").write_text(config, "utf-8")
    schema = POSTS_SCHEMA | {"source": EXTRA_SCHEMA["source"]}
    write_stream(results / "posts/posts.parquet", [pl.DataFrame(list(map(post_row, IDS)), schema=schema)], schema)
    base = of_kind("base", "edited base", "tags only base")
    write(results / "captions/meta_cap_base.json", {post: {"caption": f"Base {post}."} for post in base})
    shards = dict(zip(IDS, shard_of(np.array(IDS), SHARDS).tolist(), strict=True))
    texts = {post: f"Good {post}." for post in of_kind("good", "fallback")} | dict.fromkeys(of_kind("bad", "edited bad"), RAW)
    for number in range(SHARDS):
        own = [post for post in IDS if shards[post] == number]

        def among(*kinds, own=own):
            return [post for post in own if KIND_OF[post] in kinds]

        captions = results / "captions"
        good = {post: {"caption": texts[post]} for post in among("good", "fallback")}
        write(
            captions / f"good_{number}.json",
            {p: e | ({"fallback": True} if KIND_OF[p] == "fallback" else {}) for p, e in good.items()},
        )
        bad = {"text": RAW, "finish_reason": "length", "reason": "truncated"}
        write(captions / f"bad_{number}.json", dict.fromkeys(among("bad", "edited bad"), bad))
        write(captions / f"skipped_{number}.json", {post: {"reason": "no image"} for post in among("skipped")})
        write(captions / f"failed_{number}.json", {post: {"reason": "status 500", "attempts": 2} for post in among("failed")})
        fixed = {
            post: {"caption": "" if KIND_OF[post] == "tags only base" else f"Edited {post}."}
            for post in among("edited base", "edited bad", "tags only base")
        }
        write(captions / f"fixed_{number}.json", fixed)
        lines = [
            {"id": post, "text": texts[post], "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 5, "seconds": 0.5}
            for post in own
            if post in texts
        ]
        lines = [line | ({"fallback": True} if KIND_OF[line["id"]] == "fallback" else {}) for line in lines]
        (captions / f"raw_{number}.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        identities = [{"identity": {"backend": name, "model": f"{name} model", "top_p": 1}} for name in ("transformers", "tipo")]
        (captions / f"stats_{number}.json").write_text(json.dumps(identities))
        rows = [
            {"id": post, "general": "1girl, solo", "characters": "", "artists": "some_artist", "has_metadata": True}
            for post in own
            if post not in base
        ]
        write_stream(results / f"missing/split_{number}.parquet", [pl.DataFrame(rows, schema=SHARD_SCHEMA)], SHARD_SCHEMA)
    merged = {p: f"Base {p}." for p in base} | {p: texts[p] for p in of_kind("good", "fallback")}
    merged |= {p: f"Edited {p}." for p in of_kind("edited base", "edited bad")}
    merged = {p: text for p, text in sorted(merged.items()) if KIND_OF[p] != "tags only base"}
    write(results / "meta_cap.json", {post: {"caption": text} for post, text in merged.items()})
    lat = "".join(f'"/where/it/is/{p}.png": {json.dumps({"caption": merged.get(p, "1girl"), "tags": "1girl"})},\n' for p in IDS)
    (results / "meta_lat.json").write_text("{\n" + lat[:-2] + "\n}\n")
    write(results / "tags/meta_cap_dd.json", {post: {"tags": "1girl"} for post in IDS})
    write_stream(results / "resolutions/resolutions.parquet", [pl.DataFrame({"id": IDS})], {"id": pl.Int64})
    write_images(tmp_path)
