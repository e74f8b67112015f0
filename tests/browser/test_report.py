"""The report in a browser: on wide and narrow screens, printed, offline."""

import pytest
from playwright.sync_api import expect
from report_products import ReportProducts

SCROLLS = "[...document.querySelectorAll('.wide')].some(part => part.scrollWidth > part.clientWidth)"


@pytest.fixture
def report(tmp_path, seen):
    """The URL of a report, a file."""
    ReportProducts(tmp_path, captioned=True).page()
    url = (tmp_path / "index.html").as_uri()
    seen.opened.add(url)
    return url


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_fits_without_scrolling_sideways(report, context, width, colours):
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=colours)
    page.goto(report)
    expect(page.locator("#settings")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.evaluate(SCROLLS)
    # what stands in the head of a table on a wide screen stands beside each figure on a narrow one
    head = page.locator("#shards [data-head='images/s']").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert head == ('"images/s "' if width == 390 else "none")
    assert page.locator("#shards .figures thead").is_visible() == (width != 390)


def test_the_page_prints_and_asks_for_no_other_file(report, context, seen):
    page = context.new_page()
    page.goto(report)
    assert seen.requests == [report]
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden() and page.locator("#examples").is_visible()
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")
