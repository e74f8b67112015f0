"""The shipped sample data set, sample/."""

import json
from pathlib import Path

import PIL
import pyarrow
import pyarrow.parquet as pq
import pytest
from PIL import Image, UnidentifiedImageError, features

import draw_sample
from booruflow.demo.existing_captions import COLUMNS
from booruflow.demo.sample_posts import COUNT, LONGEST, METADATA_COLUMNS, TRUNCATED, UNCAPTIONED, WITHOUT_IMAGE, post_ids

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "sample"
# the versions that wrote the shipped files; others draw the same scenes, but may round or compress differently
WRITTEN_WITH = {"Pillow": "13.0.0", "libwebp": "1.6.0", "pyarrow": "26.0.1"}
INSTALLED = {"Pillow": PIL.__version__, "libwebp": features.version("webp"), "pyarrow": pyarrow.__version__}


@pytest.fixture(scope="module")
def metadata():
    return pq.read_table(SAMPLE / "metadata.parquet")


@pytest.mark.skipif(INSTALLED != WRITTEN_WITH, reason=f"the sample was written with {WRITTEN_WITH}")
def test_the_tool_reproduces_it_to_the_byte(tmp_path):
    draw_sample.main([str(tmp_path)])
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == COUNT - len(WITHOUT_IMAGE) + 2
    assert [f for f in files if (tmp_path / f).read_bytes() != (SAMPLE / f).read_bytes()] == []
    assert {path.name for path in (SAMPLE / "images").iterdir()} == {f.name for f in files if f.suffix == ".webp"}


def test_it_is_below_6_megabytes():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 6_000_000


def test_metadata_has_danboorus_columns_and_shuffled_rows(metadata):
    assert metadata.column_names == list(METADATA_COLUMNS)
    ids = metadata["id"].to_pylist()
    assert sorted(ids) == post_ids()
    assert ids != sorted(ids)
    assert set(metadata["rating"].to_pylist()) == {"g", "s"}
    assert all(source.startswith("https://example.org/") for source in metadata["source"].to_pylist())


def test_images_match_the_metadata(metadata):
    sizes = {row["id"]: (row["image_width"], row["image_height"]) for row in metadata.to_pylist()}
    assert len(set(sizes.values())) == 5
    ids = post_ids()
    missing = {ids[number] for number in WITHOUT_IMAGE}
    truncated = {ids[number] for number in TRUNCATED}
    for post in ids:
        path = SAMPLE / "images" / f"{post}.webp"
        assert path.exists() == (post not in missing)
        if post in truncated:
            with pytest.raises((OSError, UnidentifiedImageError)):
                Image.open(path).load()
        elif post not in missing:
            assert Image.open(path).size == sizes[post]


def test_existing_captions_cover_85_percent():
    rows = pq.read_table(SAMPLE / "captions.parquet").to_pylist()
    assert set(rows[0]) == {"index", *COLUMNS}
    captioned = {row["index"] for row in rows if any((row[column] or "").strip() for column in COLUMNS)}
    ids = post_ids()
    assert set(ids) - captioned == {ids[number] for number in UNCAPTIONED}
    assert any(row[column] is None for row in rows for column in COLUMNS)
    assert any(row[column] is not None and not row[column].strip() for row in rows for column in COLUMNS)
    texts = "".join(row[column] or "" for row in rows for column in COLUMNS)
    for part in ("\n", "\r\n", "\t", "\u2028", '"', "\\", "🌙", "着物"):
        assert part in texts


def test_edited_captions_are_json_of_uncaptioned_posts():
    paths = list((SAMPLE.parent / "edited").iterdir())
    assert paths
    ids = post_ids()
    for path in paths:
        entries = json.loads(path.read_text())
        assert list(entries) == sorted(entries, key=int)
        assert path.read_text().count("\n") == len(entries) + 2
        for post, entry in entries.items():
            assert int(post) in {ids[number] for number in UNCAPTIONED}
            assert isinstance(json.loads(entry["text"]), dict)


def test_the_readme_names_the_special_posts():
    ids = post_ids()
    readme = (SAMPLE / "README.md").read_text()
    assert all(str(ids[number]) in readme for number in TRUNCATED | LONGEST)
