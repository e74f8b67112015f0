"""Each form, read back by the rule of its trainer; see docs/trainers.md for what was read by the trainers' own code."""

import io
import json
import os
import re
import shutil
import tarfile
import tomllib
from pathlib import Path

import datasets
import polars as pl
import pytest
import webdataset
import webshart
from cheesechaser_pool import local_pool
from PIL import Image
from small_exports import ENCODE, TRAINED, files_of

from booruflow.core.errors import UserError
from booruflow.exports.forms.registry import FORMS
from booruflow.exports.settings import IMAGES
from booruflow.products.file_list import first_changed

TEXTS = {
    1: ["ink, mirelle, 1girl, solo", *["mirelle (general), A girl."] * 2],
    2: [":{, {a|b}, |_|", *["(sensitive), She says {x|y} | | | and smiles “so”."] * 2],
    3: ["(questionable), Only a caption in two lines."] * 2,
    4: ["1boy", *["(explicit)"] * 2],
    16: ["ink, bob, \\||/, hat", *['bob (general), A "hat"\\.'] * 2],
}
"""All texts, as often as the weights say."""

DOUBLED = {**TEXTS, 2: [":{{, {{a|b}}, |_|", *["(sensitive), She says {{x|y}} | | | and smiles “so”."] * 2]}
"""The same where a trainer draws a line with wildcards."""

SIZES = {post: (20, 10) if post == 16 else (8 + post, 6) for post in TRAINED}


def wildcard_lines(caption):
    """The lines that sd-scripts draws from, after wildcards (`process_caption`); none may be a choice."""
    lines = []
    for line in caption.split("\n"):
        hidden = line.replace("{{", "⦅").replace("}}", "⦆")
        assert not re.search(r"\{([^}]+)\}", hidden)
        lines.append(hidden.replace("⦅", "{").replace("⦆", "}"))
    return lines


def test_captions_of_a_further_style_are_a_part_of_texts(write):
    folder = write("folder", variants=[{"template": "{characters}: {caption_short}"}])
    assert {path.name: path.read_text("utf-8") for path in folder.glob("data/*.txt")} == {
        "1.txt": "mirelle: Short 1.", "16.txt": "bob"
    }, "the fifth post belongs to the data set neither by tags nor by a caption"  # fmt: skip


def test_each_form_has_its_images_and_its_name_in_the_schema():
    schema = Path("rules/schemas/config.schema.yaml").read_text("utf-8")
    assert set(FORMS) == set(IMAGES)
    assert f"enum: [{', '.join(FORMS)}]" in schema


def test_sd_scripts_with_variants(write, images):
    folder = write("sd-scripts")
    meta = json.loads((folder / "meta_lat.json").read_text("utf-8"))
    ids = {int(Path(path).stem): entry for path, entry in meta.items()}
    assert {post: wildcard_lines(entry["caption"]) for post, entry in ids.items()} == TEXTS
    assert not any("tags" in entry for entry in meta.values())
    assert {post: tuple(entry["image_size"]) for post, entry in ids.items()} == SIZES
    lines = [json.loads(line) for line in (folder / "meta_lat.jsonl").read_text("utf-8").splitlines()]
    assert {line["image_path"]: line["caption"] for line in lines} == {path: entry["caption"] for path, entry in meta.items()}
    assert f"{images}/sub/2.jpg" in meta
    config = tomllib.loads((folder / "dataset.toml").read_text())
    subset = config["datasets"][0]["subsets"][0]
    assert subset == {
        "metadata_file": f"{folder}/meta_lat.json",
        "caption_separator": ", ",
        "enable_wildcard": True,
        "image_dir": f"{images}/",
    }


def test_sd_scripts_without_variants_has_caption_and_tags(write):
    meta = json.loads((write("sd-scripts", variants=[]) / "meta_lat.json").read_text("utf-8"))
    entries = {int(Path(path).stem): entry for path, entry in meta.items()}
    assert (entries[1]["caption"], entries[1]["tags"]) == ("A girl.", "ink, mirelle, 1girl, solo")
    assert entries[4]["caption"] == "1boy" and "tags" not in entries[4]
    assert "tags" not in entries[3]


def test_sd_scripts_with_copies_names_the_copies(write):
    folder = write("sd-scripts", images="copy")
    paths = list(json.loads((folder / "meta_lat.json").read_text("utf-8")))
    assert paths == [f"{folder}/data/{name}" for name in ("1.png", "2.jpg", "3.webp", "4.png", "16.png")]
    assert all(Path(path).exists() for path in paths)


@pytest.mark.parametrize("extension", ["txt", "caption"])
def test_folder(write, images, extension):
    folder = write("folder", extension=extension)
    texts = {int(path.stem): path.read_text("utf-8") for path in (folder / "data").glob(f"*.{extension}")}
    assert texts == {post: "\n".join(lines) for post, lines in DOUBLED.items()}
    assert {post: wildcard_lines(text) for post, text in texts.items()} == TEXTS
    stems = {path.stem for path in (folder / "data").iterdir() if path.suffix != f".{extension}"}
    assert stems == set(map(str, TRAINED))
    assert (folder / "data/2.jpg").read_bytes() == (images / "sub/2.jpg").read_bytes()
    assert Image.open(folder / "data/16.png").size == (20, 10)
    assert tomllib.loads((folder / "dataset.toml").read_text())["datasets"][0]["subsets"][0]["image_dir"] == f"{folder}/data"
    assert not (folder / "musubi.toml").exists()


def test_folder_with_one_text_an_image(write):
    folder = write("folder", captions="one")
    texts = {int(path.stem): path.read_text("utf-8") for path in (folder / "data").glob("*.txt")}
    assert all(text in TEXTS[post] for post, text in texts.items()) and len(texts) == len(TRAINED)
    assert tomllib.loads((folder / "musubi.toml").read_text())["datasets"][0]["image_directory"] == f"{folder}/data"


def test_folder_of_texts_alone_has_the_names_of_the_images(write):
    folder = write("folder", images="none")
    names = {path.relative_to(folder / "data").as_posix() for path in (folder / "data").rglob("*.*")}
    assert names == {"1.txt", "sub/2.txt", "3.txt", "4.txt", "16.txt"}


def test_diffusion_pipe_reads_tars_in_place(write, tmp_path):
    folder = write("diffusion-pipe", images="copy")
    captions = json.loads((folder / "data/captions.json").read_text("utf-8"))
    assert captions == {
        f"{post}.{ext}": list(dict.fromkeys(TEXTS[post]))
        for post, ext in zip(TRAINED, ["png", "jpg", "webp", "png", "png"], strict=True)
    }

    shutil.rmtree(folder)
    folder = write("diffusion-pipe", images="link")
    captions = json.loads((folder / "data/captions.json").read_text("utf-8"))
    found = {}
    for path in sorted((folder / "data").iterdir()):
        if path.suffix == ".tar":
            with tarfile.TarFile(path) as tar:
                found |= {int(Path(name).stem): captions.get(name) for name in tar.getnames()}
        elif path.suffix != ".json":
            Image.open(path).load()
            found[int(path.stem)] = captions.get(path.name)
    assert found.pop(99) is None  # no post of the export: skipped by skip_empty_caption
    assert found == {post: list(dict.fromkeys(texts)) for post, texts in TEXTS.items()}
    config = tomllib.loads((folder / "dataset.toml").read_text())
    assert config["directory"] == [{"path": f"{folder}/data", "num_repeats": 1}] and config["skip_empty_caption"]


def test_musubi_and_ai_toolkit_hold_the_whole_text(write, images):
    folder = write("musubi")
    lines = [json.loads(line) for line in (folder / "images.jsonl").read_text("utf-8").splitlines()]
    assert [Path(line["image_path"]).stem for line in lines] == list(map(str, TRAINED))
    assert all(line["caption"] in TEXTS[int(Path(line["image_path"]).stem)] for line in lines)
    assert tomllib.loads((folder / "dataset.toml").read_text())["datasets"][0]["image_jsonl_file"] == f"{folder}/images.jsonl"
    shutil.rmtree(folder)

    folder = write("ai-toolkit")
    entries = json.loads((folder / "images.json").read_text("utf-8"))
    assert entries == {line["image_path"]: {"caption": line["caption"]} for line in lines}
    assert f"{images}/1.png" in entries


def test_simpletuner(write):
    folder = write("simpletuner", images="copy")
    config = json.loads((folder / "multidatabackend.json").read_text())[0]
    table = pl.read_parquet(config["parquet"]["path"])
    found = {int(Path(name).stem): texts for name, texts in table.select("file", "caption").iter_rows()}
    assert found == TEXTS
    assert all((Path(config["instance_data_dir"]) / name).exists() for name in table["file"])
    assert dict(zip(TRAINED, table.select("width", "height").rows(), strict=True)) == SIZES


def test_imagefolder_is_opened_by_datasets(write, tmp_path):
    folder = write("imagefolder")
    rows = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["id"]: row["texts"] for row in rows} == TEXTS
    assert {row["id"]: row["image"].size for row in rows} == SIZES
    assert rows[0]["characters"] == "mirelle" and rows[2]["tags"] is None
    assert rows["caption_short"] == ["Short 1.", None, None, None, None], "captions of a further style are a column"
    card = (folder / "README.md").read_text("utf-8")
    assert card.startswith("---\n") and "- n<1K\n" in card and "# license:" in card


def test_webdataset_is_opened_by_datasets_and_webdataset(write, tmp_path):
    folder = write("webdataset")
    rows = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["json"]["id"]: row["json"]["texts"] for row in rows} == TEXTS
    assert {row["json"]["id"]: row["jpg"].size for row in rows} == SIZES
    tars = sorted(map(str, (folder / "data").glob("*.tar")))
    samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode("pil"))
    assert {sample["json"]["id"]: sample["txt"].split("\n") for sample in samples} == TEXTS
    assert {int(sample["__key__"]) % 3 for sample in samples if sample["__url__"].endswith("0001.tar")} == {1}


def test_the_tars_of_webdataset_and_their_index(write):
    folder = write("webdataset", images="encode", encode={**ENCODE, "max_side": 8})
    names = []
    for path in sorted((folder / "data").glob("*.tar")):
        index = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert index["filesize"] == path.stat().st_size
        with tarfile.open(path) as tar:
            names += tar.getnames()
            for member in tar:
                place = index["files"][member.name]
                assert (place["offset"], place["size"]) == (member.offset_data, member.size)
                if member.name.endswith(".webp"):
                    image = Image.open(io.BytesIO(tar.extractfile(member).read()))
                    assert image.size == (place["width"], place["height"]) and max(image.size) == 8
                    assert place["captions"] == TEXTS[int(Path(member.name).stem)]
    assert names == [f"{post}.{kind}" for post in (3, 1, 4, 16, 2) for kind in ("webp", "txt", "json")]


def test_webshart_reads_the_index_of_webdataset(write):
    folder = write("webdataset")
    loader = webshart.TarDataLoader(webshart.discover_dataset(str(folder / "data")))
    images = {int(Path(entry.path).stem): entry for entry in loader if entry.path.endswith(".jpg")}
    assert {post: entry.captions for post, entry in images.items()} == TEXTS
    assert {post: (entry.width, entry.height) for post, entry in images.items()} == SIZES
    assert {post: Image.open(io.BytesIO(entry.data)).size for post, entry in images.items()} == SIZES


def test_cheesechaser_finds_single_images_of_webdataset(write, images, tmp_path, monkeypatch):
    folder = write("webdataset", tars=1000)
    pool = local_pool(folder, "data", monkeypatch)
    pool.batch_download_to_directory([2, 3], str(tmp_path / "found"), silent=True)
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"2.jpg", "2.txt", "2.json", "3.jpg", "3.txt", "3.json"}
    assert (tmp_path / "found/2.jpg").read_bytes() == (images / "sub/2.jpg").read_bytes()
    assert "cheesechaser finds" in (folder / "README.md").read_text("utf-8")
    assert "cheesechaser finds" not in (write("webdataset", tars=3) / "README.md").read_text("utf-8")


def aozora_texts(image):
    """The texts that Aozora draws from (`read_caption_variants_for_image` in train.py): those that are not empty."""
    texts = json.loads(image.with_suffix(".json").read_text("utf-8"))
    found = {name: texts[name].strip() for name in ("tags", "nl", "tags_nl", "nl_tags") if texts.get(name, "").strip()}
    assert found, f"{image}: Aozora refuses a file without texts"
    return found


def test_aozora(write):
    folder = write("aozora")
    images = [path for path in (folder / "data").iterdir() if path.suffix in (".jpg", ".jpeg", ".png", ".webp", ".bmp")]
    texts = {int(image.stem): aozora_texts(image) for image in images}
    assert set(texts) == set(TRAINED)
    assert texts[1] == {
        "tags": "ink, mirelle, 1girl, solo",
        "nl": "A girl.",
        "tags_nl": "ink, mirelle, 1girl, solo. A girl.",
        "nl_tags": "A girl. ink, mirelle, 1girl, solo",
    }
    assert texts[3] == dict.fromkeys(("nl", "tags_nl", "nl_tags"), "Only a caption in two lines.")


@pytest.mark.parametrize("form", FORMS)
def test_every_export_is_listed_and_the_same_to_the_byte(write, form):
    settings = {"images": "copy"} if IMAGES[form][0] == "link" else {}
    folder = write(form, **settings)
    before = files_of(folder)
    listed = [line.split("\t")[2] for line in before["files.tsv"].decode().splitlines()]
    assert sorted([*listed, "files.tsv", "README.md"]) == sorted(before)
    assert first_changed(str(folder / "files.tsv"), content=True) is None
    times = {path: os.lstat(path).st_mtime_ns for path in folder.rglob("data/*.png")}
    assert files_of(write(form, **settings)) == before  # again over the first, whose images are kept
    assert {path: os.lstat(path).st_mtime_ns for path in times} == times
    shutil.rmtree(folder)
    assert files_of(write(form, **settings)) == before
    readme = before["README.md"].decode()
    assert f"form\n`{form}`" in readme and "5 images" in readme


@pytest.mark.parametrize(("form", "way"), [(form, way) for form, ways in IMAGES.items() for way in ways])
def test_another_way_in_the_same_folder_changes_no_original_and_leaves_nothing_of_the_first(write, images, form, way):
    originals = {path: path.read_bytes() for path in images.rglob("*.*")}
    folder = write(form, images="copy")
    if way == "link" and form != "diffusion-pipe":
        with pytest.raises(UserError, match=r"0016\.tar: images in tars cannot be linked: set images: copy"):
            write(form, images="link")
    else:
        write(form, images=way)
        write(form, images="copy")
        write(form, images=way)
        listed = {line.split("\t")[2] for line in (folder / "files.tsv").read_text().splitlines()}
        found = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if not path.is_dir()}
        assert found <= listed
    assert {path: path.read_bytes() for path in images.rglob("*.*")} == originals
