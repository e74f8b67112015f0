import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup

from booruflow.report.page import count, duration, percent, write_page
from booruflow.report.visible import visible


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "own.html"
    path.write_text(
        '{% extends "base.html" %}{% block title %}{{ text }}{% endblock %}{% block content %}{{ text }}|{{ mark }}{% endblock %}'
    )
    return path


def page_of(template: Path, **values: object) -> str:
    write_page(template.with_name("page.html"), template, values)
    return template.with_name("page.html").read_text("utf-8")


def test_texts_are_text_and_markup_is_markup(template: Path) -> None:
    page = page_of(template, text="<script>a\x00\u202eb\n\ud800 日本 שלום 👩\u200d💻", mark=Markup("<b>c</b>"))
    shown = r"&lt;script&gt;a\x00\u202eb" "\n" r"\ud800 日本 שלום 👩" "\u200d💻"
    assert f"<title>{shown}</title>" in page and f"{shown}|<b>c</b>" in page


def test_a_page_asks_for_no_file_and_runs_no_script(template: Path) -> None:
    page = page_of(template, text="", mark="")
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|<script|<link|url\(|@import", page)
    HTMLParser().feed(page)


def test_a_misspelt_variable_is_an_error_and_leaves_the_page_as_it_was(template: Path) -> None:
    before = page_of(template, text="", mark="")
    with pytest.raises(UndefinedError):
        page_of(template, text="")
    assert template.with_name("page.html").read_text("utf-8") == before


@given(st.text(st.characters()))
def test_any_text_becomes_one_that_utf8_holds_and_that_shows(text: str) -> None:
    shown = visible(text)
    assert shown.encode("utf-8").decode("utf-8") == shown and not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown
    )
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "-"), (0, 7, "0.0%"), (7, 7, "100.0%"), (1, 3, "33.3%"), (9_999, 10_000, "> 99.9%"), (1, 10_000, "< 0.1%")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, shown: str) -> None:
    assert percent(part, whole) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min"), (61, "1 min 1 s"), (3_599.4, "59 min 59 s"), (3_599.6, "1 h"),
        (11_100, "3 h 5 min"), (86_380, "24 h"), (90_000, "1 d 1 h"), (8_640_000, "100 d"),
    ],
)  # fmt: skip
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_counts() -> None:
    assert count(1_234_567) == "1,234,567"
