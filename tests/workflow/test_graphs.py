"""The graphs in docs/ are up to date, and the report is complete."""

import re

import pytest
from projects import ROOT, Project

import graphs


@pytest.mark.parametrize("name", graphs.GRAPHS)
def test_the_graph_is_up_to_date(make_project, name: str) -> None:
    folder = make_project().folder
    assert (ROOT / f"docs/{name}.mmd").read_text("utf-8") == graphs.graph(name, "mermaid-js", folder), "run `make dag`"
    svg = (ROOT / f"docs/{name}.svg").read_text("utf-8")
    assert svg.endswith(graphs.stamp(graphs.graph(name, "dot", folder))), "run `make dag`"


def test_the_report_is_one_page_with_plots_and_their_captions(built: Project) -> None:
    built.run("report")
    first = {path.name: path.read_bytes() for path in built.path("report").iterdir()}
    built.run("--report", "report.html", "report")
    page = built.folder.joinpath("report.html").read_text("utf-8")
    assert not re.search(r'(src|href)="https?://[^"]+\.(js|css)"', page), "the page loads nothing else"
    for text in ("caption lengths", "Where each post", "outcomes by shard", "images and captions"):
        assert text in page, text
    built.run("report", "--forcerun", "plots", "contact_sheet")
    assert {path.name: path.read_bytes() for path in built.path("report").iterdir()} == first, (
        "reports of the same data are identical"
    )
    sheet = first["contact_sheet.html"].decode()
    assert sheet.count("<img") > 30 and "<h2>bad</h2>" in sheet and "[truncated]" in sheet
