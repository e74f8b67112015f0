from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from booruflow.report.counts import BIN_WIDTH, MAX_WORDS, TextCounts
from booruflow.report.plots import draw_coverage, draw_lengths, draw_outcomes, draw_resolutions


def text_counts() -> TextCounts:
    counts = TextCounts()
    counts.posts["existing"].update({"g": 20, "e": 3, None: 1})
    counts.posts["nothing"].update({"s": 2})
    counts.words["existing"][[2, MAX_WORDS // BIN_WIDTH]] = [20, 4]
    return counts


PLOTS = {
    "coverage": lambda path: draw_coverage(text_counts(), path),
    "coverage of nothing": lambda path: draw_coverage(TextCounts(), path),
    "lengths": lambda path: draw_lengths(text_counts(), path),
    "lengths of nothing": lambda path: draw_lengths(TextCounts(), path),
    "outcomes": lambda path: draw_outcomes([{"good": 3, "bad: not JSON & <more>": 1}, {"skipped: no image": 2}], path),
    "outcomes of nothing": lambda path: draw_outcomes([], path),
    "outcomes of an empty shard": lambda path: draw_outcomes([{}], path),
    "resolutions": lambda path: draw_resolutions(Counter({(64 * n, 1024): n for n in range(1, 40)}), path),
    "resolutions of nothing": lambda path: draw_resolutions(Counter(), path),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_valid_svg_and_reproducible(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "one.svg", tmp_path / "two.svg"):
        PLOTS[name](path)
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_other_counts_give_another_plot(tmp_path: Path) -> None:
    for count in (1, 2):
        draw_resolutions(Counter({(1024, 1024): count, (512, 512): 1}), tmp_path / f"{count}.svg")
    assert (tmp_path / "1.svg").read_bytes() != (tmp_path / "2.svg").read_bytes()
