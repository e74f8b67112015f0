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


def test_the_report_is_one_page_that_stands_alone(built: Project) -> None:
    built.run("report")
    page = built.path("report/index.html").read_text("utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\(|<script|@import""", page), "the page loads nothing else"
    for text in ("What became of 240 posts", ">unreadable image<", "bad: truncated", "images/s", "captions.shards"):
        assert text in page, text
    assert page.count("<img") > 30 and "[truncated]" in page
    built.run("report", "--forcerun", "report")
    assert built.path("report/index.html").read_text("utf-8") == page, "reports of the same data are identical"
    built.run("--report", "report.html", "report")
    own = built.folder.joinpath("report.html").read_text("utf-8")
    assert not re.search(r'(src|href)="https?://[^"]+\.(js|css)"', own) and "results/report/index.html" in own
