from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from booruflow.report.token_plots import draw_threshold_costs, draw_token_lengths
from booruflow.tokens.threshold_costs import threshold_costs
from booruflow.tokens.vocabulary import SECTION_ORDER

COUNTS = {category: {} for category in SECTION_ORDER}
COUNTS["general"] = {"1girl": 100, "red_hat": 6, "hat": 4}
COUNTS["artist"] = {"rare": 9, "known": 10}
THRESHOLDS = dict.fromkeys(SECTION_ORDER, 10)

DRAWINGS = {
    "costs": lambda path: draw_threshold_costs(threshold_costs(COUNTS, THRESHOLDS), path),
    "costs without tags": lambda path: draw_threshold_costs(
        threshold_costs({category: {} for category in SECTION_ORDER}, THRESHOLDS), path
    ),
    "lengths": lambda path: draw_token_lengths(np.array([0, 0, 9, 2, 4]), 16, path),
    "lengths above the maximum": lambda path: draw_token_lengths(np.array([0] * 9 + [1] * 91), 16, path),
    "lengths of no posts": lambda path: draw_token_lengths(np.zeros(1, np.int64), 16, path),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_plot_is_complete_and_the_same_every_time(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "one.svg", tmp_path / "two.svg"):
        DRAWINGS[name](path)
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
