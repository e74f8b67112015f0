from pathlib import Path
from xml.etree import ElementTree

import pytest

from booruflow.report.svg import Axis, bar, histogram, linear, lines, powers_of_ten, save_svg


@pytest.mark.parametrize(
    ("end", "ticks"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (7, ["0", "2", "4", "6", "8"]),
        (100, ["0", "20", "40", "60", "80", "100"]),
        (8_005_010, ["0", "2,000,000", "4,000,000", "6,000,000", "8,000,000", "10,000,000"]),
    ],
)
def test_ticks_of_counts_are_round_whole_numbers(end: int, ticks: list[str]) -> None:
    axis = linear(end)
    assert [label for _, label in axis.ticks] == ticks
    assert axis.place(axis.end) == 1 >= axis.place(end)


def test_a_bar_has_the_parts_that_are_not_empty_in_their_proportion() -> None:
    (svg,) = [ElementTree.fromstring(bar([("c1", "<a>", 1), ("c2", "b", 0), ("c3", "c", 2)], 6))]
    rects = [(each.get("class"), each.get("x"), each.get("width"), each.findtext("title")) for each in svg.iter("rect")]
    assert rects == [("c1", "0.000%", "16.667%", "<a>: 1"), ("c3", "16.667%", "33.333%", "c: 2")]


CHARTS = {
    "histogram": lambda: histogram([3, 0, 5], linear(30), [0, 10, 20, 30], ("<words>", "captions"), marks=[12]),
    "empty histogram": lambda: histogram([], linear(0), [0], ("words", "captions")),
    "lines": lambda: lines({"a & b": [(1, 5), (1000, 90)]}, powers_of_ten(1, 1000), linear(100), ("x", "y"), {"a & b": [(1, 5)]}),
    "lines of nothing": lambda: lines({"a": []}, powers_of_ten(1, 1), linear(100), ("x", "y"), {}),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_has_its_texts_and_stays_the_same(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "one.svg", tmp_path / "two.svg"):
        save_svg(path, CHARTS[name]())
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and "--paper" in "".join(root.itertext())
        places = [
            float(value) for each in root.iter() for key, value in each.attrib.items() if key in ("x", "y", "x1", "y2", "cx")
        ]
        assert all(-1 <= place <= 461 for place in places)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_logarithmic_axis_has_equal_steps_for_equal_factors() -> None:
    axis = Axis(0.25, 4, [], logarithmic=True)
    assert [axis.place(value) for value in (0.25, 1, 4)] == [0, 0.5, 1]
