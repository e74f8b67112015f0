import json
import re
import tarfile

import polars as pl
import pytest
from hfutils.index import tar_get_index_info
from naive import STAGES, Settings, bucket_sizes, load
from synthetic import write_posts

from booruflow.sources.buckets import buckets, training_resolution

POSTS = 300


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("naive")
    write_posts(folder, POSTS, seed=3, shuffled=True)
    settings = Settings(folder / "metadata.parquet", folder / "captions.parquet", folder / "results", tars=10)
    for stage in STAGES.values():
        stage(settings)
    return settings


@pytest.fixture(scope="module")
def posts(settings):
    return {post["id"]: post for post in pl.read_parquet(settings.metadata).iter_rows(named=True)}


def test_tags_are_in_the_order_of_categories(settings, posts):
    entries = load(settings.results / "tags/meta_cap_dd.json")
    for key, entry in entries.items():
        strings = [posts[int(key)][f"tag_string_{name}"] for name in ("artist", "character", "copyright", "general", "meta")]
        assert entry == {"tags": ", ".join(" ".join(strings).split())}
    assert len(entries) == POSTS


def test_captions_are_joined_and_missing_ones_go_to_shards(settings, posts):
    captions = load(settings.results / "captions/meta_cap_base.json")
    assert all(set(entry) == {"caption"} and entry["caption"].strip() == entry["caption"] != "" for entry in captions.values())
    missing = json.loads((settings.results / "missing/missing.json").read_text())
    assert list(missing) == ["tags", "caption", "latent"]
    assert set(missing["caption"]) == set(posts) - set(map(int, captions))
    assert missing["tags"] == missing["latent"] == []
    shards = [json.loads((settings.results / f"missing/split_{n}.json").read_text()) for n in range(settings.shards)]
    assert sorted(post for shard in shards for post in shard) == sorted(missing["caption"])
    assert all(post % settings.shards == n for n, shard in enumerate(shards) for post in shard)


def test_later_captions_replace_earlier_ones(settings, tmp_path):
    (tmp_path / "captions").mkdir()
    for name, caption in {"meta_cap_base": "base", "good_0": "good", "fixed_0": "fixed"}.items():
        entries = {"1": {"caption": caption}, str(len(caption)): {"caption": caption}}
        (tmp_path / f"captions/{name}.json").write_text(json.dumps(entries))
    STAGES["meta_cap"](Settings(settings.metadata, settings.captions, tmp_path))
    expected = {"1": {"caption": "fixed"}, "4": {"caption": "good"}, "5": {"caption": "fixed"}}
    assert load(tmp_path / "meta_cap.json") == expected


def test_meta_lat_has_the_format_of_all_trainer_versions(settings, posts):
    entries = load(settings.results / "meta_lat.json")
    assert len(entries) == POSTS
    captions = load(settings.results / "meta_cap.json")
    for key, entry in entries.items():
        post = posts[int(re.fullmatch(r"/data/images/(\d+)\.\w+", key)[1])]
        assert key.endswith(post["file_ext"])
        assert entry["image_size"] == [post["image_width"], post["image_height"]]
        width, height = training_resolution([post["image_width"]], [post["image_height"]], 1024, 256, 2048, 64, False)
        assert entry["train_resolution"] == [width[0], height[0]]
        assert not re.search(r"\s\s|[^\S ]", entry["caption"])
        assert ("tags" in entry) == (str(post["id"]) in captions)


def test_buckets_equal_those_of_the_library(settings):
    assert bucket_sizes(settings) == buckets(settings.resolution, settings.min_reso, settings.max_reso, settings.step)


def test_known_resolutions_decide_ids_and_resolutions(settings, posts, tmp_path):
    known = sorted(posts)[::2]
    resolutions = tmp_path / "old.json"
    resolutions.write_text(json.dumps({f"/elsewhere/{post}.webp": {"train_resolution": [64, 128]} for post in known}))
    with_resolutions = Settings(settings.metadata, settings.captions, settings.results, resolutions=resolutions)
    first = load(settings.results / "meta_lat.json")
    STAGES["meta_lat"](with_resolutions)
    entries = load(settings.results / "meta_lat.json")
    assert len(entries) == len(known)
    assert all(entry == first[key] | {"train_resolution": [64, 128]} for key, entry in entries.items())
    STAGES["missing"](with_resolutions)
    missing = json.loads((settings.results / "missing/missing.json").read_text())
    assert sorted(missing["latent"]) == sorted(posts)[1::2]


def test_tars_hold_each_caption_on_one_line_and_indexes_equal_those_of_hfutils(settings):
    captions = load(settings.results / "meta_cap.json")
    found = {}
    for n in range(settings.tars):
        path = settings.results / f"tars/captions/{n:04d}.tar"
        assert load(path.with_suffix(".json")) == tar_get_index_info(str(path), silent=True)
        with tarfile.open(path) as tar:
            for member in tar:
                assert int(member.name.removesuffix(".caption")) % settings.tars == n
                found[member.name.removesuffix(".caption")] = {"caption": tar.extractfile(member).read().decode()}
    assert any("\n" in entry["caption"] for entry in captions.values())
    assert found == {key: {"caption": " ".join(entry["caption"].split())} for key, entry in captions.items()}


def test_a_simple_loop_gives_the_same_content(settings, tmp_path):
    looped = Settings(settings.metadata, settings.captions, tmp_path, threads=1)
    for name in ("tags_json", "base_captions"):
        STAGES[name](looped)
    for path in ("tags/meta_cap_dd.json", "captions/meta_cap_base.json"):
        assert load(tmp_path / path) == load(settings.results / path)
