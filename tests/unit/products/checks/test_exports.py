import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.core.tables import write_stream
from booruflow.products.checks.captions import check_merged, check_shard_files
from booruflow.products.checks.exports import check_coverage, check_exports, check_tars, meta_lat_ids, summary_of
from booruflow.products.meta_lat import meta_lat_rows, write_meta_lat
from booruflow.products.tars import write_tars
from booruflow.sources import resolutions
from booruflow.sources.missing import write_missing


def stream(*ids, rows=2):
    yield pl.DataFrame(schema={"id": pl.Int64})
    yield from pl.DataFrame({"id": ids}, schema={"id": pl.Int64}).iter_slices(rows)


def entries(texts, key="caption"):
    values = [f'{{"{key}":{json.dumps(text)}}}' for text in texts.values()]
    return [pl.DataFrame({"id": list(texts), "value": values}, schema=ENTRY_SCHEMA)]


def coverage(posts, trained, captioned, *missing):
    return check_coverage(stream(*posts), stream(*trained), stream(*captioned), [stream(*ids) for ids in missing])


def test_every_post_is_in_meta_lat_or_listed_as_missing():
    assert coverage([1, 2, 3, 4, 5], [1, 2, 3], [1, 3], [3, 4], [2, 4], [5]) == (5, 3, 1)
    assert coverage([1, 2, 3, 4, 5], [1, 2], [1, 3], [3, 4], [2, 4], [5], [3, 4]) == (5, 2, 1)


@pytest.mark.parametrize(
    ("trained", "missing"),
    [
        ([1], ([], [], [])),  # 2 is nowhere
        ([1], ([2], [], [])),  # lacks only tags
        ([1], ([], [2], [])),  # lacks only a caption
        ([1, 2], ([2], [2], [])),  # in both
        ([1, 2], ([], [], [2])),
        ([1, 2], ([], [], [], [2])),  # without a text
    ],
)
def test_a_post_that_is_in_neither_or_in_both_is_reported(trained, missing):
    with pytest.raises(UserError, match=r"is in meta_lat\.json or in missing_final\.json; not so for id 2 and 0 more"):
        coverage([1, 2], trained, [], *missing)


@pytest.mark.parametrize("key", ["path", "id"])
@pytest.mark.parametrize("folder", ["/data/9/", "D:\\9\\", "\\\\server\\9\\"])
@pytest.mark.parametrize(
    ("name", "template"), [("{id}.webp", "{id}"), ("7/b_{id}_0f.1.PNG", "b_{id}_{md5}"), ('b_{id}_"4": 5.gif', 'b_{id}_"4": 5')]
)
def test_ids_are_read_from_either_kind_of_key(tmp_path, key, folder, name, template):
    files = [(i, "pics", name.replace("{id}", str(i)), 64, 64, 64, 64) for i in (3, 12, 700)]
    rows = pl.DataFrame(files, schema=resolutions.RESOLUTIONS_SCHEMA, orient="row")
    texts = entries({3: 'a ": 4', 12: "b", 700: "c"})
    lines = meta_lat_rows(entries({}, "tags"), texts, [rows])
    write_meta_lat(tmp_path / "lat.json", tmp_path / "lat.jsonl", lines, key, {"pics": folder})
    assert pl.concat(meta_lat_ids(tmp_path / "lat.json", template))["id"].to_list() == [3, 12, 700]


@pytest.mark.parametrize(
    "text",
    ["", "{\n", '{\n"/a/1.png": {},\n', '{\n"/a/1.png": {},\n"/a/x.png": {}\n}\n', '{\n"2": {},\n"1": {}\n}\n', "{\nx\n}\n"],
)
def test_a_meta_lat_that_is_cut_or_changed_is_reported(tmp_path, text):
    (tmp_path / "lat.json").write_text(text)
    with pytest.raises(UserError, match=r"lat\.json: (not one image a line|the file is cut short)"):
        list(meta_lat_ids(tmp_path / "lat.json", "{id}"))


def test_a_file_without_entries_has_no_ids(tmp_path):
    (tmp_path / "lat.json").write_bytes(b"{\n}\n")
    assert pl.concat(meta_lat_ids(tmp_path / "lat.json", "{id}")).is_empty()


TEXTS = {1: "one", 2: "two\n\u2028\u0000", 4: "", 7: "sieben \u00fc", 10: 'x"y'}


@pytest.fixture
def tars(tmp_path):
    write_tars(tmp_path, [pl.DataFrame({"id": list(TEXTS), "text": list(TEXTS.values())})], "caption", 3)
    return tmp_path


def texts_of(texts):
    return [pl.DataFrame({"id": list(texts), "text": list(texts.values())}, schema={"id": pl.Int64, "text": pl.String})]


def test_tars_hold_the_texts_of_their_ids(tars):
    assert check_tars(tars, texts_of(TEXTS), 3) == 5


@pytest.mark.parametrize(
    ("texts", "tar"),
    [
        (TEXTS | {1: "One"}, 1),
        (TEXTS | {1: "sieben \u00fc", 7: "one"}, 1),  # swapped
        ({i: text for i, text in TEXTS.items() if i != 2}, 2),
        (TEXTS | {12: "zw\u00f6lf"}, 0),
        (TEXTS | {5: ""}, 2),
    ],
)
def test_tars_with_other_texts_are_reported(tars, texts, tar):
    with pytest.raises(UserError, match=rf"000{tar}\.tar: does not hold the texts of its ids"):
        check_tars(tars, texts_of(dict(sorted(texts.items()))), 3)


@pytest.mark.parametrize("place", [512, 513, 512 + 1024])
def test_a_corrupt_byte_is_reported(tars, place):
    data = bytearray((tars / "0001.tar").read_bytes())
    data[place] ^= 1
    (tars / "0001.tar").write_bytes(data)
    with pytest.raises(UserError, match=r"0001\.tar: "):
        check_tars(tars, texts_of(TEXTS), 3)


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"hash_lfs": 1}'])
def test_a_damaged_index_is_reported(tars, index):
    hash_lfs = json.loads((tars / "0001.json").read_text())["hash_lfs"]
    for text in (index, index.replace("1", f'"{hash_lfs}", "files": {{"1.caption": {{"offset": "x"}}}}')):
        (tars / "0001.json").write_text(text)
        with pytest.raises(UserError, match=r"0001\.(tar|json): "):
            check_tars(tars, texts_of(TEXTS), 3)


def test_a_truncated_tar_is_reported(tars):
    data = (tars / "0001.tar").read_bytes()
    (tars / "0001.tar").write_bytes(data[:-512])
    with pytest.raises(UserError, match=r"0001\.tar: "):
        check_tars(tars, texts_of(TEXTS), 3)


@pytest.fixture
def products(tmp_path):
    """Posts in two shards: 1, 2 with base captions, 3, 4 good, 5 bad and then fixed, 6 skipped, 8 failed; 2 has no image."""

    def table(name, *ids):
        write_stream(tmp_path / name, stream(*ids), {"id": pl.Int64})
        return str(tmp_path / name)

    def json_file(name, texts, key="caption"):
        write_entries(tmp_path / name, entries(texts, key))
        return str(tmp_path / name)

    def missing(name, *lists):
        write_missing(tmp_path / name, [np.array(ids, np.int64) for ids in lists])
        return str(tmp_path / name)

    def tar_folder(name, texts):
        write_tars(tmp_path / name, [pl.DataFrame({"id": list(texts), "text": list(texts.values())})], "txt", 2)
        return str(tmp_path / name / "0001.tar")

    captions, tags = {1: "a", 2: "b", 3: "c", 4: "d", 5: "fixed"}, {1: "x", 6: "y", 8: "z"}
    (tmp_path / "lat.json").write_text("{\n" + ",\n".join(f'"/images/{post}.png": {{}}' for post in (1, 3, 4, 5, 6, 8)) + "\n}\n")
    splits = [table("split_0.parquet", 4, 6, 8), table("split_1.parquet", 3, 5)]
    return SimpleNamespace(
        posts=table("posts.parquet", 1, 2, 3, 4, 5, 6, 8),
        tags=json_file("tags.json", tags, "tags"),
        base=json_file("base.json", {1: "a", 2: "b"}),
        missing_before=missing("missing.json", [], [3, 4, 5, 6, 8], []),
        splits=splits,
        shards=splits,
        good=[json_file("good_0.json", {4: "d"}), json_file("good_1.json", {3: "c"})],
        bad=[json_file("bad_0.json", {}), json_file("bad_1.json", {5: "bad"})],
        skipped=[json_file("skipped_0.json", {6: "no image"}), json_file("skipped_1.json", {})],
        failed=[json_file("failed_0.json", {8: "status 500"}), json_file("failed_1.json", {})],
        fixed=[json_file("fixed_0.json", {}), json_file("fixed_1.json", {5: "fixed"})],
        edits=[json_file("edits.json", {5: "bad"}, "replaced")],
        captions=json_file("meta_cap.json", captions),
        lat=str(tmp_path / "lat.json"),
        missing=missing("missing_final.json", [2, 3, 4, 5], [6, 8], [2]),
        caption_tars=tar_folder("captions", captions),
        tag_tars=tar_folder("tags", tags),
    )


def check_products(products):
    return summary_of(
        check_merged(products, check_shard_files(products), products.captions), check_exports(products, 2, "{id}", None)
    )


def test_the_counts_of_consistent_products(products):
    assert check_products(products) == {
        "posts": 7,
        "base_captions": 2,
        "to_caption": 5,
        "good": 2,
        "bad": 1,
        "fixed": 1,
        "skipped": 1,
        "failed": 1,
        "edited_bad": 1,
        "replaced_by_a_later_source": 0,
        "tags_only": 0,
        "captions": 5,
        "without_caption": 2,
        "for_the_trainer": 6,
        "of_these_tags_alone": 2,
        "left_out": 1,
    }


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("missing_before", "missing"), ("base", "captions"), ("good", "bad"), ("captions", "base"), ("missing", "missing_before"),
        ("caption_tars", "tag_tars"), ("tag_tars", "caption_tars"),
    ],
)  # fmt: skip
def test_every_kind_of_inconsistent_product_is_reported(products, name, other):
    setattr(products, name, getattr(products, other))
    with pytest.raises(UserError, match=r"check failed|does not hold the texts|not an object with a text"):
        check_products(products)
