from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.report.contact_sheet import caption_text, find_tags, sample_captions, write_contact_sheet
from booruflow.report.thumbnails import find_images
from booruflow.sources.images.listing import IMAGES_SCHEMA


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, dict[int, str]], Path]:
    """Writes entries to a file."""

    def write(name: str, values: dict[int, str]) -> Path:
        write_entries(tmp_path / name, [pl.DataFrame({"id": list(values), "value": list(values.values())}, schema=ENTRY_SCHEMA)])
        return tmp_path / name

    return write


def captions(ids: range) -> dict[int, str]:
    return {post: f'{{"caption":"{post}"}}' for post in ids}


def test_few_new_posts_change_little_of_the_sample(write: Callable[..., Path]) -> None:
    before = sample_captions([write("a", captions(range(0, 500))), write("b", captions(range(500, 1000)))], 20)
    after = sample_captions([write("a", captions(range(0, 1010)))], 20)
    assert len(before) == len(after) == 20
    assert [post for post, _ in before] == sorted(post for post, _ in before)
    assert len(set(before) & set(after)) >= 17
    assert sample_captions([write("a", captions(range(3)))], 20) == [(post, str(post)) for post in range(3)]


def test_a_bad_entry_is_shown_with_its_reason() -> None:
    assert caption_text("bad", 1, '{"text":"{\\"a","finish_reason":"length","reason":"truncated"}') == '[truncated] {"a'
    assert caption_text("good", 1, '{"caption":"A girl.","repaired":true}') == "A girl."


@pytest.mark.parametrize("value", ["7", "{}", '{"caption":7}', '{"text":"a"}', '{"reason":"a","text":null}', '{"caption":"a"'])
def test_an_entry_of_another_form_is_named(write: Callable[..., Path], value: str) -> None:
    with pytest.raises(UserError, match=r"good: id 5: not an object.*: delete the file"):
        sample_captions([write("good", {5: value})], 3)
    with pytest.raises(UserError, match=r"tags: id 5: not an object.*: delete the file"):
        find_tags(write("tags", {5: value}), {5})


def test_tags_are_found_by_id(write: Callable[..., Path]) -> None:
    tags = write("tags", {1: '{"tags":"1girl, hat"}', 2: '{"tags":"1boy"}'})
    assert find_tags(tags, {1, 3}) == {1: "1girl, hat"}


def test_the_page_embeds_its_images_and_escapes_texts(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "red").save(tmp_path / "1.png")
    tmp_path.joinpath("2.webp").write_bytes(b"broken")
    folder = str(tmp_path)
    rows = [(post, folder, None, name, None, None) for post, name in ((1, "1.png"), (2, "2.webp"), (7, "7.png"))]
    images = pl.DataFrame(rows, schema=IMAGES_SCHEMA, orient="row")
    locations = find_images([images], {1, 2, 3})
    assert locations == {1: (f"{folder}/1.png", None, None), 2: (f"{folder}/2.webp", None, None)}
    groups = {"generated": [(1, "<script>alert(1)</script> & \ud800 日本"), (2, "b"), (3, "c")], "fixed": []}
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        write_contact_sheet(page, groups, {1: "1girl, <3"}, locations)
    assert pages[0].read_bytes() == pages[1].read_bytes()
    text = pages[0].read_text("utf-8")
    assert "<script" not in text and "日本" in text and "1girl, &lt;3" in text
    assert text.count("data:image/webp;base64,") == 1 and "no image" in text and "not an image of a known kind" in text
    assert "fixed" not in text
    HTMLParser().feed(text)
