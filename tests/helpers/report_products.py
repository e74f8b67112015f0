"""The products of four posts whose texts try to be more than text, as the rule report names them."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.core.tables import write_stream
from booruflow.products.summary import write_counts
from booruflow.report.overview.page import write_report
from booruflow.sources.changes.compare import CHANGES_SCHEMA
from booruflow.sources.images.listing import IMAGES_SCHEMA
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA

HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)> \u202e\x00 שלום 🎨 " + "x" * 10_000
GENERATED = {"captions": 2, "prompt_tokens": 8, "completion_tokens": 6, "loading_seconds": 1.0, "waiting_seconds": 0.0}


class ReportProducts:
    """The products of four posts, without or with a caption shard, as the rule names them."""

    def __init__(self, folder: Path, captioned: bool) -> None:
        self.folder = folder
        posts = pl.DataFrame({"id": [1, 2, 3, 4], "rating": ["g", HOSTILE, "e", None], "md5": ["a", "a", None, "b"]})
        write_stream(folder / "posts.parquet", [posts], posts.schema)
        rows = [(post, "f", "n", 1024, 1024, 500, 500) for post in (1, 2, 3)]
        write_stream(
            folder / "resolutions.parquet", [pl.DataFrame(rows, schema=RESOLUTIONS_SCHEMA, orient="row")], RESOLUTIONS_SCHEMA
        )
        write_stream(folder / "images.parquet", [pl.DataFrame(schema=IMAGES_SCHEMA)], IMAGES_SCHEMA)
        change = (9, True, False, True, False, None, "g", f"general:{HOSTILE.split()[0]}", "")
        write_stream(folder / "changes.parquet", [pl.DataFrame([change], schema=CHANGES_SCHEMA, orient="row")], CHANGES_SCHEMA)
        (folder / "lat.jsonl").write_text("{}\n" * (3 if captioned else 2))  # without a caption, post 2 has no text
        shards = [self.shard()] if captioned else []
        captions = {1: HOSTILE, 2: "two"} if captioned else {1: HOSTILE}
        counts = {"captions": len(captions), "to_caption": 4 * captioned}
        flag = pl.DataFrame({"id": [1], "flag": ["<b>"], "detail": [HOSTILE]})
        write_stream(folder / "flags.parquet", [flag], flag.schema)
        quality = {"captions": {"existing": 1}, "flags": {"<b>": {"existing": 1}}, "tokens": {"clip": "estimated"}}
        costs = ["category\tthreshold\tchosen\ttokens\tcovered\tspelled", "general\t3\ttrue\t1\t0.5\t0.75"]
        (folder / "costs.tsv").write_text("".join(f"{line}\n" for line in costs))
        for category in TAG_CATEGORIES:
            (folder / f"{category}.tsv").write_text("name\tcount\n" + f"{HOSTILE.split()[0]}\t3\n" * (category == "general"))
        self.files = SimpleNamespace(
            posts=folder / "posts.parquet",
            tags=self.entries("tags", {1: {"tags": HOSTILE}, 3: {"tags": "a"}}),
            captions=self.entries("captions", {post: {"caption": text} for post, text in captions.items()}),
            counts=self.counts("counts", counts),
            lat=folder / "lat.jsonl",
            resolutions=folder / "resolutions.parquet",
            excluded=self.entries("excluded", {4: {"reason": HOSTILE}}),
            unreadable=[],
            textless=[],
            images=folder / "images.parquet",
            base=self.entries("base", {} if captioned else {1: {"caption": HOSTILE}}),
            **{name: [shard[name] for shard in shards] for name in ("good", "bad", "skipped", "failed", "raw", "stats", "fixed")},
            quality=[folder / "flags.parquet", self.json("quality", quality)] if captioned else [],
            changes=folder / "changes.parquet",
            change_counts=self.counts(
                "changes", {"posts_before": 3, "posts": 4, "new": 1, "gone": 0, "retagged": 0, "rerated": 0}
            ),
            **{category: folder / f"{category}.tsv" for category in TAG_CATEGORIES},
            costs=folder / "costs.tsv",
            tokens=self.json(
                "tokens",
                {"posts": 4, "tokens": 9, "truncated_posts": 0, "max_length": 256, "length": {"mean": 2.25, "100": 5}},
            ),
        )

    def entries(self, name: str, values: dict[int, Any]) -> Path:
        texts = [orjson.dumps(value).decode() for value in values.values()]
        write_entries(self.folder / f"{name}.json", [pl.DataFrame({"id": list(values), "value": texts}, schema=ENTRY_SCHEMA)])
        return self.folder / f"{name}.json"

    def json(self, name: str, value: object) -> Path:
        (self.folder / f"{name}.json").write_text(json.dumps(value))
        return self.folder / f"{name}.json"

    def counts(self, name: str, counts: dict[str, int]) -> Path:
        write_counts(self.folder / f"{name}.json", counts)
        return self.folder / f"{name}.json"

    def shard(self) -> dict[str, Path]:
        answer = {"text": "t", "finish_reason": "stop", "prompt_tokens": 4, "completion_tokens": 3, "seconds": 1.0}
        (self.folder / "raw.jsonl").write_bytes(b"".join(orjson.dumps({"id": post, **answer}) + b"\n" for post in (1, 3)))
        record = {"identity": {"backend": HOSTILE}, "generated": {**GENERATED, "generating_seconds": 2.0}, "gpu": None}
        return {
            "good": self.entries("good", {1: {"caption": HOSTILE}, 2: {"caption": "two"}}),
            "bad": self.entries("bad", {3: {"text": HOSTILE, "reason": HOSTILE}}),
            "skipped": self.entries("skipped", {4: {"reason": "no image"}}),
            "failed": self.entries("failed", {}),
            "fixed": self.entries("fixed", {2: {"caption": "two"}}),
            "raw": self.folder / "raw.jsonl",
            "stats": self.json("stats", [record]),
        }

    def page(self, settings: Sequence[tuple[str, str]] = (("key", HOSTILE), ("captioner.device", "cpu"))) -> str:
        write_report(self.folder / "index.html", self.files, settings)
        return (self.folder / "index.html").read_text("utf-8")
