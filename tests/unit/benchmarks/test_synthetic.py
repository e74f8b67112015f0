import csv
import json
import re

import numpy as np
import polars as pl
import pytest
import synthetic_rows
from synthetic import write_posts
from synthetic_rows import BATCH

POSTS = BATCH + 300


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with posts in order, and with the same posts shuffled and all optional files."""
    folder = tmp_path_factory.mktemp("posts")
    write_posts(folder / "ordered", POSTS)
    write_posts(folder / "shuffled", POSTS, shuffled=True, csv_files=3, resolutions="indented")
    return folder


def table(folder, name):
    return pl.read_parquet(folder / f"{name}.parquet")


def test_equal_seeds_give_equal_bytes_and_others_do_not(written, tmp_path):
    write_posts(tmp_path / "again", POSTS)
    write_posts(tmp_path / "other", 200, seed=1)
    for name in ("metadata", "captions"):
        again, before = (folder / f"{name}.parquet" for folder in (tmp_path / "again", written / "ordered"))
        assert again.read_bytes() == before.read_bytes()
        assert not table(tmp_path / "other", name)[:100].equals(table(written / "ordered", name)[:100])


@pytest.mark.parametrize(("name", "key"), [("metadata", "id"), ("captions", "index")])
def test_shuffling_changes_only_the_order_of_rows(written, name, key):
    ordered, shuffled = table(written / "ordered", name), table(written / "shuffled", name)
    assert ordered[key].is_sorted()
    assert not shuffled[key].is_sorted()
    assert shuffled.sort(key).equals(ordered)


@pytest.mark.parametrize(("name", "key"), [("metadata", "id"), ("captions", "index")])
def test_fewer_posts_are_the_first_of_more(written, tmp_path, name, key):
    write_posts(tmp_path, 200)
    few = table(tmp_path, name)
    assert few.equals(table(written / "ordered", name).filter(pl.col(key) <= few[key].max()))


def test_metadata_resembles_danbooru(written):
    posts = table(written / "ordered", "metadata")
    assert posts.columns == [
        "id", "rating", "score", "tag_string_general", "tag_string_artist", "tag_string_character",
        "tag_string_copyright", "tag_string_meta", "image_width", "image_height", "file_ext",
    ]  # fmt: skip
    assert len(posts) == POSTS == posts["id"].n_unique()
    assert posts["id"].diff().max() > 1
    assert posts.null_count().sum_horizontal().item() == 0
    tags = posts["tag_string_general"].str.split(" ")
    assert 30 < tags.list.len().mean() < 40
    assert tags.list.n_unique().equals(tags.list.len())
    assert tags[:50].to_list() == tags[:50].list.sort().to_list()
    assert (posts["tag_string_character"] == "").any()


def test_captions_contain_the_difficult_cases(written):
    captions = table(written / "ordered", "captions")
    assert captions.columns == ["index", "phi3v_horny", "pixtral_caption", "florence_short", "florence_long"]
    texts = captions.drop("index").with_columns(pl.all().str.strip_chars())
    joined = texts.select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True).str.strip_chars()).to_series()
    captioned = joined.filter(joined != "")
    assert 0.92 < len(captioned) / POSTS < 0.96
    assert 1000 < captioned.str.len_bytes().mean() < 1400
    column = captions["pixtral_caption"]
    assert column.is_null().any()
    assert (column == "").any()
    assert (column == " \n ").any()
    assert 0 < POSTS - len(captions) < POSTS * 0.05
    for odd in ("\n", "\r\n", "\t", '"', "\\", "\u2028", "{blue|red}", "\U0001f431", "  "):
        assert column.str.contains(odd, literal=True).any(), repr(odd)


def test_the_csv_export_has_the_same_content(written):
    files = sorted((written / "shuffled").glob("*.csv"))
    assert len(files) == 3
    rows = []
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    assert list(rows[0]) == [
        "id", "rating", "score", "tag_string_meta", "tag_string_general", "tag_string_artist", "tag_string_copyright",
        "tag_string_character",
    ]  # fmt: skip
    posts = {post["id"]: post for post in table(written / "ordered", "metadata").iter_rows(named=True)}
    assert len(rows) == POSTS
    assert all(str(posts[int(row["id"])][name]) == text for row in rows[::97] for name, text in row.items())
    assert re.search(r',"",|,""\n', files[0].read_text(encoding="utf-8"))


def test_resolutions_have_the_format_of_the_trainer(written, tmp_path):
    text = (written / "shuffled/meta_lat.json").read_text(encoding="utf-8")
    entries = json.loads(text)
    assert text == json.dumps(entries, indent=2)
    keys = [int(re.fullmatch(r"/data/images/(\d+)\.webp", key)[1]) for key in entries]
    assert keys != sorted(keys)
    assert set(next(iter(entries.values()))) == {"tags", "caption", "train_resolution"}
    assert 0.95 < len(entries) / POSTS < 1
    write_posts(tmp_path, 50, resolutions="compact")
    assert "\n" not in (tmp_path / "meta_lat.json").read_text(encoding="utf-8")
    assert set(json.loads((tmp_path / "meta_lat.json").read_text(encoding="utf-8"))) < set(entries)


def test_without_real_tags_they_are_invented(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_rows, "REAL_DATA", tmp_path)
    write_posts(tmp_path, 2000)
    posts = table(tmp_path, "metadata")
    counts = np.sort(posts["tag_string_general"].str.split(" ").explode().value_counts()["count"].to_numpy())
    assert counts[-1] > 20 * np.median(counts)
    assert 25 < posts["tag_string_general"].str.split(" ").list.len().mean() < 40


def test_favourites_come_with_times_and_a_table_of_aliases_and_leave_the_rest_as_it_is(written, tmp_path):
    write_posts(tmp_path, 200, favourites=True)
    posts = table(tmp_path, "metadata")
    assert posts.drop("fav_count", "created_at").equals(table(written / "ordered", "metadata")[:200])
    assert posts["created_at"].is_sorted() and posts["created_at"][0].startswith("2005-05-") and posts["fav_count"].max() > 50
    aliases = pl.read_csv(tmp_path / "aliases.csv")
    assert aliases.columns == ["antecedent_name", "consequent_name", "status"] and len(aliases) > 10_000
    assert aliases["antecedent_name"].is_unique().all()
    assert not set(aliases["antecedent_name"]) & set(aliases["consequent_name"])
