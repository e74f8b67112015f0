"""The products of the sample run, read with the standard library."""

import hashlib
import json
import re
import tarfile
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from projects import Ran

from booruflow.captioning.shards import shard_of
from booruflow.products.summary import LABELS

SHARDS = range(4)
TARS = range(10)
SUBSET = "subsets/mirelle/"
ENTRIES = [
    "tags/meta_cap_dd.json",
    "captions/meta_cap_base.json",
    *[f"captions/{list_}_{n}.json" for list_ in ("good", "bad", "skipped", "failed", "fixed") for n in SHARDS],
    "meta_cap.json",
    "meta_lat.json",
    f"{SUBSET}tags/meta_cap_dd.json",
    f"{SUBSET}meta_cap.json",
    f"{SUBSET}meta_lat.json",
]


def reject(constant):
    raise ValueError(constant)


def strict(text):
    return json.loads(text, parse_constant=reject)


def ids(entries):
    return {int(key) for key in entries}


def id_of_path(path):
    return int(re.search(r"(\d+)\.\w+$", path)[1])


@pytest.fixture(scope="module")
def shards(sample):
    """For each shard its ids, then its good, bad, skipped and fixed entries."""
    lists = ("good", "bad", "skipped", "fixed")
    return [
        (
            json.loads(sample.path(f"missing/split_{n}.json").read_bytes()),
            *[sample.read(f"captions/{each}_{n}.json") for each in lists],
        )
        for n in SHARDS
    ]


@pytest.fixture(scope="module")
def posts():
    return set(pl.read_parquet("sample/metadata.parquet")["id"])


@pytest.mark.parametrize("name", ENTRIES)
def test_json_has_one_entry_a_line_by_ascending_id(sample, name):
    first, *lines, last, end = sample.path(name).read_bytes().decode("utf-8", "strict").split("\n")
    assert (first, last, end) == ("{", "}", "")
    assert all(line.endswith(",") for line in lines[:-1]) and not any(line.endswith(",") for line in lines[-1:])
    entries = [strict("{" + line.removesuffix(",") + "}") for line in lines]
    assert all(len(entry) == 1 for entry in entries)
    keys = [key for entry in entries for key in entry]
    numbers = [id_of_path(key) if name.endswith("meta_lat.json") else int(key) for key in keys]
    assert all(before < after for before, after in pairwise(numbers))
    assert strict(sample.path(name).read_text()) == {key: value for entry in entries for key, value in entry.items()}


def test_id_lists_have_one_ascending_id_a_line(sample):
    for name in ("missing/missing.json", "missing_final.json"):
        text = sample.path(name).read_text()
        lists = strict(text)
        assert list(lists) == ["tags", "caption", "latent"]
        assert all(listed == sorted(set(listed)) for listed in lists.values())
        assert text.endswith("]\n}\n") and re.sub(r"\n\d+,?", "", text).count("\n") == 8
    for n in SHARDS:
        text = sample.path(f"missing/split_{n}.json").read_text()
        listed = strict(text)
        assert listed == sorted(set(listed)) and text == "[\n" + ",\n".join(map(str, listed)) + "\n]\n"
        assert shard_of(np.array(listed), 4).tolist() == [n] * len(listed)
        assert pl.read_parquet(sample.path(f"missing/split_{n}.parquet"))["id"].to_list() == listed


def test_lines_of_raw_outputs_and_of_meta_lat(sample, shards):
    for n, (shard_ids, good, bad, _, _) in enumerate(shards):
        raw = [strict(line) for line in sample.path(f"captions/raw_{n}.jsonl").read_text().splitlines()]
        assert [line["id"] for line in raw] == sorted(ids(good) | ids(bad))
        assert all(list(line) == ["id", "text", "finish_reason", "prompt_tokens", "completion_tokens", "seconds"] for line in raw)
        assert ids(bad) <= set(shard_ids) and all({"text", "finish_reason", "reason"} == set(entry) for entry in bad.values())
    lat = sample.read("meta_lat.json")
    lines = [strict(line) for line in sample.path("meta_lat.jsonl").read_text().splitlines()]
    assert [line.pop("image_path") for line in lines] == list(lat)
    assert lines == [{key: value for key, value in entry.items() if key != "train_resolution"} for entry in lat.values()]


def test_every_id_of_a_shard_is_in_exactly_one_list(sample, shards, posts):
    assert sorted(post for shard_ids, *_ in shards for post in shard_ids) == sample.read("missing/missing.json")["caption"]
    for shard_ids, good, bad, skipped, fixed in shards:
        assert sorted([*map(int, good), *map(int, bad), *map(int, skipped)]) == shard_ids
        assert ids(fixed) <= set(shard_ids)
    assert ids(sample.read("captions/meta_cap_base.json")) | {post for shard_ids, *_ in shards for post in shard_ids} == posts


def test_good_bad_edited_fixed_and_skipped_posts_all_occur(sample, shards):
    good, bad, skipped, fixed = ({key: value for shard in shards for key, value in shard[at].items()} for at in (1, 2, 3, 4))
    assert len(good) > 20 and len(bad) >= 3
    reasons = [entry["reason"] for entry in skipped.values()]
    assert sorted(reasons) == ["no image"] * 3 + ["unreadable image"]
    assert all(("detail" in entry) == (entry["reason"] == "unreadable image") for entry in skipped.values())
    files = (sample.folder / "edited").glob("*.json")
    edited = {key for path in files for key in json.loads(path.read_bytes())}
    assert set(fixed) == edited <= set(bad) != edited
    assert not edited & set(good)
    assert all("artist" in entry["caption"].split(".")[0] for entry in fixed.values())
    assert {key: entry["outcome"] for key, entry in sample.read("captions/edits.json").items()} == dict.fromkeys(fixed, "fixed")


def test_captions_of_all_sources_are_merged(sample, shards):
    expected = sample.read("captions/meta_cap_base.json")
    for at in (1, 4):  # good, then fixed
        for shard in shards:
            expected |= {key: {"caption": value["caption"]} for key, value in shard[at].items()}
    merged = sample.read("meta_cap.json")
    assert {key: value["caption"] for key, value in merged.items()} == {key: value["caption"] for key, value in expected.items()}


def test_columns_of_existing_captions_are_joined_and_empty_captions_absent(sample):
    table = pl.read_parquet("sample/captions.parquet")
    columns = ["phi3v_horny", "pixtral_caption", "florence_short", "florence_long"]
    expected = {}
    for post, *texts in table.select("index", *columns).iter_rows():
        words = " ".join(text.strip() for text in texts if text and text.strip())
        if words:
            expected[str(post)] = words
    base = {key: value["caption"] for key, value in sample.read("captions/meta_cap_base.json").items()}
    assert base == expected
    assert len(base) < len(table), "the sample has posts whose captions are all empty"


def test_every_post_is_in_meta_lat_or_listed_as_missing(sample, posts):
    lat = {id_of_path(path) for path in sample.read("meta_lat.json")}
    missing = {kind: set(listed) for kind, listed in sample.read("missing_final.json").items()}
    assert posts - lat == missing["latent"] | (missing["tags"] & missing["caption"])
    assert missing["caption"] == posts - ids(sample.read("meta_cap.json"))
    assert missing["tags"] == posts - ids(sample.read("tags/meta_cap_dd.json"))


def test_meta_lat_has_what_the_trainer_reads(sample):
    tags, captions = sample.read("tags/meta_cap_dd.json"), sample.read("meta_cap.json")
    for path, entry in sample.read("meta_lat.json").items():
        key = str(id_of_path(path))
        assert path == f"/data/images/{key}.webp"
        caption = " ".join(captions.get(key, {}).get("caption", "").split())
        assert (entry["caption"], entry.get("tags")) == ((caption, tags[key]["tags"]) if caption else (tags[key]["tags"], None))
        width, height = entry["train_resolution"]
        assert width % 64 == height % 64 == 0 and 0.8 < width * height / 1024**2 <= 1
        assert all(isinstance(side, int) and side > 0 for side in entry["image_size"])


@pytest.mark.parametrize("scope", ["", SUBSET])
@pytest.mark.parametrize(
    ("kind", "product", "key", "suffix"),
    [("captions", "meta_cap.json", "caption", "caption"), ("tags", "tags/meta_cap_dd.json", "tags", "txt")],
)
def test_tars_hold_the_texts_of_their_ids(sample, scope, kind, product, key, suffix):
    expected = {post: entry[key] for post, entry in sample.read(scope + product).items()}
    if kind == "captions":  # on one line, of which trainers that read a folder take the first
        expected = {post: " ".join(text.split()) for post, text in expected.items()}
    found = {}
    folder = sample.path(f"{scope}tars/{kind}")
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n:04d}.{end}" for n in TARS for end in ("tar", "json"))
    for n in TARS:
        data = (folder / f"{n:04d}.tar").read_bytes()
        index = strict((folder / f"{n:04d}.json").read_text())
        assert (index["filesize"], index["hash_lfs"]) == (len(data), hashlib.sha256(data).hexdigest())
        with tarfile.open(folder / f"{n:04d}.tar") as tar:
            names = tar.getnames()
            for name in names:
                post, _, end = name.partition(".")
                assert int(post) % len(TARS) == n and end == suffix
                text = tar.extractfile(name).read()
                found[post] = text.decode()
                place = index["files"][name]
                assert data[place["offset"] : place["offset"] + place["size"]] == text
        assert names == list(index["files"]) == sorted(names, key=lambda name: int(name.split(".")[0]))
    assert found == expected


def test_a_subset_holds_the_posts_that_match(sample):
    tags = sample.read("tags/meta_cap_dd.json")
    wanted = {post for post, entry in tags.items() if "mirelle_thornby" in entry["tags"].split(", ")}
    assert wanted
    assert sample.read(f"{SUBSET}tags/meta_cap_dd.json") == {post: tags[post] for post in tags if post in wanted}
    for name, id_of in (("meta_cap.json", str), ("meta_lat.json", lambda path: str(id_of_path(path)))):
        whole = sample.read(name)
        assert sample.read(SUBSET + name) == {key: entry for key, entry in whole.items() if id_of(key) in wanted}


def test_the_manifest_agrees_with_the_files(sample, shards, posts):
    manifest = sample.read("manifest.json")
    artifacts = manifest["artifacts"]
    for name, entry in artifacts.items():
        data = sample.path(name).read_bytes()
        assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest()), name
    unlisted = {f"captions/{name}" for n in SHARDS for name in (f"raw_{n}.jsonl", f"stats_{n}.json")} | {"manifest.json"}
    unlisted |= {f"changes/{name}" for name in ("changes.parquet", "changes.txt", "counts.json", "kept/now.parquet")}
    assert set(artifacts) == set(sample.products()) - unlisted
    assert {*ENTRIES, "meta_lat.jsonl", "missing_final.json", "tars/captions/0003.tar", f"{SUBSET}tars/tags/0003.json"} <= set(
        artifacts
    )
    good, bad, skipped, fixed = (sum(len(shard[at]) for shard in shards) for at in (1, 2, 3, 4))
    base, captions, lat = (sample.read(name) for name in ("captions/meta_cap_base.json", "meta_cap.json", "meta_lat.json"))
    assert manifest["summary"] == {
        "posts": len(posts),
        "base_captions": len(base),
        "to_caption": good + bad + skipped,
        "good": good,
        "bad": bad,
        "fixed": fixed,
        "skipped": skipped,
        "failed": 0,
        "edited_bad": fixed,
        "replaced_by_a_later_source": len(base) + good + fixed - len(captions),
        "tags_only": 0,
        "captions": len(captions),
        "without_caption": len(posts) - len(captions),
        "for_the_trainer": len(lat),
        "of_these_tags_alone": sum("tags" not in entry for entry in lat.values()),
        "left_out": len(posts) - len(lat),
    }


def test_the_console_ends_with_the_summary(sample):
    summary = sample.read("manifest.json")["summary"]
    console = sample.console()
    assert "Data set in results/" in console
    for name, count in summary.items():
        assert re.search(rf"^  {re.escape(LABELS[name])} +{count:,}$", console, re.MULTILINE), name
    assert summary["posts"] == summary["for_the_trainer"] + summary["left_out"]


def test_every_rule_has_a_log_and_a_benchmark_and_leaves_no_partial_file(sample):
    logs = {path.relative_to(sample.path("logs")).with_suffix("") for path in sample.path("logs").rglob("*.log")}
    benchmarks = {
        path.relative_to(sample.path("benchmarks")).with_suffix("") for path in sample.path("benchmarks").rglob("*.tsv")
    }
    assert logs == benchmarks and len(logs) == sum(Ran(0, sample.console()).jobs.values()) > 28
    assert sample.left_behind() == []
