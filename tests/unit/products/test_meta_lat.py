import json

import polars as pl

from booruflow.core.idjson import read_entries, write_entries
from booruflow.products.meta_lat import meta_lat_rows, text_rows, write_meta_lat
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA


def entries(key, texts):
    return [
        pl.DataFrame({"id": list(texts), "value": [json.dumps({key: text}, separators=(",", ":")) for text in texts.values()]})
    ]


RESOLUTIONS = pl.DataFrame(
    [(i, "pics", f"a/{i}.webp", 832, 1216, 600, 900) for i in (1, 2, 3, 4, 5)], schema=RESOLUTIONS_SCHEMA, orient="row"
)


def test_the_format_of_the_trainer(tmp_path):
    tags = entries("tags", {1: "a, b", 2: 'say_"hi"', 4: "c"})
    captions = entries("caption", {1: " One.\nTwo.\u2028 ", 3: "Three.", 4: "\n", 9: "no image"})
    folder = tmp_path / 'odd "name"'
    write_meta_lat(
        tmp_path / "lat.json",
        tmp_path / "lat.jsonl",
        meta_lat_rows(tags, captions, [RESOLUTIONS]),
        "path",
        {"pics": f"{folder}/"},
    )
    sizes = {"train_resolution": [832, 1216], "image_size": [600, 900]}
    assert json.loads((tmp_path / "lat.json").read_text()) == {
        f"{folder}/a/1.webp": {"caption": "One. Two.", "tags": "a, b", **sizes},
        f"{folder}/a/2.webp": {"caption": 'say_"hi"', **sizes},
        f"{folder}/a/3.webp": {"caption": "Three.", **sizes},
        f"{folder}/a/4.webp": {"caption": "c", **sizes},
    }
    lines = [json.loads(line) for line in (tmp_path / "lat.jsonl").read_text().splitlines()]
    assert lines[0] == {"image_path": f"{folder}/a/1.webp", "caption": "One. Two.", "tags": "a, b", "image_size": [600, 900]}
    assert [line["caption"] for line in lines] == ["One. Two.", 'say_"hi"', "Three.", "c"]


def test_only_the_tags_divide_a_prompt(tmp_path):
    rows = meta_lat_rows(entries("tags", {1: "1girl ||| solo"}), entries("caption", {1: 'Red ||| "blue".'}), [RESOLUTIONS])
    write_meta_lat(tmp_path / "lat.json", tmp_path / "lat.jsonl", rows, "id", {"pics": "/x/"})
    (entry,) = json.loads((tmp_path / "lat.json").read_text()).values()
    assert (entry["caption"], entry["tags"]) == ('Red | | | "blue".', "1girl ||| solo")


def test_texts_stand_in_place_of_caption_and_tags(tmp_path):
    texts = [pl.DataFrame({"id": [1, 3, 9], "text": map(json.dumps, ['a, "b"\nOne {x}.', "Three.", "no image"])})]
    write_meta_lat(tmp_path / "lat.json", tmp_path / "lat.jsonl", text_rows(texts, [RESOLUTIONS]), "id", {"pics": "/x/"})
    sizes = {"train_resolution": [832, 1216], "image_size": [600, 900]}
    assert json.loads((tmp_path / "lat.json").read_text()) == {
        "1": {"caption": 'a, "b"\nOne {x}.', **sizes}, "3": {"caption": "Three.", **sizes}
    }  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "lat.jsonl").read_text().splitlines()]
    assert [(line["caption"], "tags" in line) for line in lines] == [('a, "b"\nOne {x}.', False), ("Three.", False)]


def test_bare_ids_as_keys(tmp_path):
    rows = meta_lat_rows(entries("tags", {1: "a"}), entries("caption", {2: "b"}), [RESOLUTIONS])
    write_meta_lat(tmp_path / "lat.json", tmp_path / "lat.jsonl", rows, "id", {"pics": "/x/"})
    assert list(json.loads((tmp_path / "lat.json").read_text())) == ["1", "2"]


def test_each_image_folder_has_its_place_at_the_trainer(tmp_path):
    resolutions = pl.DataFrame(
        [(1, "pics", "a/1.png", *[64] * 4), (2, "more", "b/2.png", *[64] * 4), (3, None, "3.webp", *[64] * 4)],
        schema=RESOLUTIONS_SCHEMA,
        orient="row",
    )
    rows = list(meta_lat_rows(entries("tags", {1: "a", 2: "b", 3: "c"}), entries("caption", {9: "no image"}), [resolutions]))
    folders = {"pics": "D:\\data\\pics\\", "more": "/data/more/", "": "\\\\server\\x\\"}
    write_meta_lat(tmp_path / "lat.json", tmp_path / "lat.jsonl", rows, "path", folders)
    paths = ["D:\\data\\pics\\a\\1.png", "/data/more/b/2.png", "\\\\server\\x\\3.webp"]
    assert list(json.loads((tmp_path / "lat.json").read_text())) == paths
    assert [json.loads(line)["image_path"] for line in (tmp_path / "lat.jsonl").read_text().splitlines()] == paths


def test_entries_are_copied_verbatim(tmp_path):
    write_entries(tmp_path / "a.json", entries("caption", {1: 'x"\u2028\\', 2: "漢"}))
    write_entries(tmp_path / "b.json", read_entries(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
