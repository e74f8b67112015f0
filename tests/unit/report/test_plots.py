from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from booruflow.report.plots import draw_coverage, draw_lengths, draw_outcomes, draw_resolutions
from booruflow.report.counts import LONGEST, STEP, Texts


def some_texts() -> Texts:
    texts = Texts()
    texts.posts["existing"].update({"g": 20, "e": 3, None: 1})
    texts.posts["nothing"].update({"s": 2})
    texts.words["existing"][[2, LONGEST // STEP]] = [20, 4]
    return texts


DRAWINGS = {
    "coverage": lambda path: draw_coverage(some_texts(), path),
    "coverage of nothing": lambda path: draw_coverage(Texts(), path),
    "lengths": lambda path: draw_lengths(some_texts(), path),
    "lengths of nothing": lambda path: draw_lengths(Texts(), path),
    "outcomes": lambda path: draw_outcomes([{"good": 3, "bad: not JSON & <more>": 1}, {"skipped: no image": 2}], path),
    "outcomes of nothing": lambda path: draw_outcomes([], path),
    "outcomes of an empty shard": lambda path: draw_outcomes([{}], path),
    "resolutions": lambda path: draw_resolutions(Counter({(64 * n, 1024): n for n in range(1, 40)}), path),
    "resolutions of nothing": lambda path: draw_resolutions(Counter(), path),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_whole_and_the_same_every_time(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "one.svg", tmp_path / "two.svg"):
        DRAWINGS[name](path)
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_counts_change_the_drawing(tmp_path: Path) -> None:
    for count in (1, 2):
        draw_resolutions(Counter({(1024, 1024): count, (512, 512): 1}), tmp_path / f"{count}.svg")
    assert (tmp_path / "1.svg").read_bytes() != (tmp_path / "2.svg").read_bytes()
