"""The whole page, of a few posts whose texts try to be more than text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_products import ReportProducts

from booruflow.core.errors import UserError


@pytest.mark.parametrize("captioned", [True, False])
def test_the_page_is_whole_and_all_texts_are_text(tmp_path: Path, captioned: bool) -> None:
    products = ReportProducts(tmp_path, captioned)
    page = products.page()
    assert products.page() == page
    assert not re.search("<script|<img src=x|\u202e|\x00", page) and r"\u202e\x00 שלום 🎨" in page
    opened: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img", "br", "wbr", "rect", "line"):
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in ("rect", "line"):
                assert opened.pop() == tag

    Parser().feed(page)
    assert opened == []
    for section in ("shards", "bill", "quality"):
        assert (f'id="{section}"' in page) == captioned == (f'href="#{section}"' in page)
    assert "What became of 4 posts" in page and "2 of 3 posts share their file" in page
    assert ('of captioning <span class="soft">on one CPU' in page) == captioned


def test_a_count_of_one_stands_with_a_singular(tmp_path: Path) -> None:
    page = ReportProducts(tmp_path, captioned=True).page()
    assert "in 1 group." in page and "checked 1 caption;" in page and "1 entry for training" not in page
    plurals = "posts|entries|captions|groups|families|images|answers|tokens|others|tags"
    assert not re.findall(rf"(?<![\d,.])1(?:</b>)? (?:{plurals})\b", page)


@pytest.mark.parametrize(("backend", "batches"), [("transformers", True), ("openai", False)])
def test_what_of_the_answers_in_the_journal_is_timed_is_said(tmp_path: Path, backend: str, batches: bool) -> None:
    products = ReportProducts(tmp_path, captioned=True)
    (record,) = json.loads((tmp_path / "stats.json").read_text())
    record["identity"]["backend"] = backend
    record["generated"]["captions"] = 1
    (tmp_path / "stats.json").write_text(json.dumps([record]))
    page = products.page()
    assert ("of batches from the journal they are without waiting for images" in page) == batches
    assert ("1 of 2 answers were timed" in page) == (not batches)


def test_products_that_do_not_fit_give_no_page(tmp_path: Path) -> None:
    products = ReportProducts(tmp_path, captioned=True)
    before = products.page()
    (tmp_path / "lat.jsonl").write_text("{}\n" * 2)
    with pytest.raises(UserError, match=r"lines of meta_lat\.jsonl: 3 and 2"):
        products.page()
    assert (tmp_path / "index.html").read_text("utf-8") == before
