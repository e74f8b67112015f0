from html.parser import HTMLParser
from pathlib import Path

import polars as pl
from PIL import Image

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.report.sheet import drawn, places_of, text_of, write_sheet


def entries(ids: range) -> pl.DataFrame:
    return pl.DataFrame({"id": list(ids), "value": [f'{{"caption":"{post}"}}' for post in ids]}, schema=ENTRY_SCHEMA)


def test_few_of_the_drawn_change_with_a_few_new_posts() -> None:
    before = drawn([entries(range(0, 500)), entries(range(500, 1000))], 20)
    after = drawn([entries(range(0, 1010))], 20)
    assert len(before) == len(after) == 20
    assert [post for post, _ in before] == sorted(post for post, _ in before)
    assert len(set(before) & set(after)) >= 17
    assert drawn([entries(range(3))], 20) == [(post, f'{{"caption":"{post}"}}') for post in range(3)]


def test_a_bad_entry_says_why() -> None:
    assert text_of('{"text":"{\\"a","finish_reason":"length","reason":"truncated"}') == '[truncated] {"a'
    assert text_of('{"caption":"A girl.","repaired":true}') == "A girl."


def test_the_page_holds_its_images_and_nothing_of_a_text_is_markup(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "red").save(tmp_path / "1.png")
    tmp_path.joinpath("2.webp").write_bytes(b"broken")
    images = pl.DataFrame(
        {"id": [1, 2, 7], "file": ["1.png", "2.webp", "7.png"], "offset": [None] * 3, "size": [None] * 3},
        schema={"id": pl.Int64, "file": pl.String, "offset": pl.Int64, "size": pl.Int64},
    )
    places = places_of([images], {1, 2, 3})
    assert set(places) == {1, 2}
    groups = {"generated": [(1, "<script>alert(1)</script> & \ud800 日本"), (2, "b"), (3, "c")], "mended": []}
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        write_sheet(page, groups, {1: "1girl, <3"}, tmp_path, places)
    assert pages[0].read_bytes() == pages[1].read_bytes()
    text = pages[0].read_text("utf-8")
    assert "<script" not in text and "日本" in text and "1girl, &lt;3" in text
    assert text.count("data:image/webp;base64,") == 1 and "no image" in text and "not an image of a known kind" in text
    assert "mended" not in text
    HTMLParser().feed(text)
