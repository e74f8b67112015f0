from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from booruflow.report import plots
from booruflow.report.counts import BIN_WIDTH, MAX_WORDS, SOURCES, TextCounts
from booruflow.report.plots import draw_coverage, draw_lengths, draw_outcomes, draw_resolutions, plain_label


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


ODD_TEXTS = [
    "$",
    "$x",
    "costs $5 or $6",
    r"\$5 or \\$6",
    "$$",
    "two\nlines",
    "\0 \x1b[31m \ud800",
    "--> <",
    "_under",
    "{0} %s",
    "x" * 999,
]
for text in ODD_TEXTS:
    PLOTS[f"outcomes with {text[:20]!a}"] = lambda path, text=text: draw_outcomes(
        [{f"bad: {text}": 1, f"skipped: generation failed: {text}": 1}], path
    )
    PLOTS[f"coverage with {text[:20]!a}"] = lambda path, text=text: draw_coverage(
        TextCounts({source: Counter({text: 1}) for source in SOURCES}), path
    )
PLOTS["outcomes of 500 reasons"] = lambda path: draw_outcomes([{f"skipped: generation failed: {n}": n for n in range(500)}], path)


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


def test_of_many_reasons_the_most_frequent_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(plots, "save_svg", lambda figure, path: shown.extend(figure.axes[0].containers))
    reasons = {f"skipped: generation failed: {n}": n for n in range(1, 100)}
    draw_outcomes([{"good": 1} | reasons, {"skipped: no image": 7000, "bad: truncated": 2}], tmp_path / "x.svg")
    labels = [bars.get_label() for bars in shown]
    kept = [f"skipped: generation failed: {n} ({n})" for n in range(96, 100)]
    rest = sum(reasons.values()) - sum(range(96, 100))
    assert labels == ["good (1)", "bad: truncated (2)", *kept, "skipped: no image (7,000)", f"skipped: other reasons ({rest:,})"]


def test_a_label_is_one_short_line() -> None:
    assert plain_label("a\tb\n\0c  d") == "a b c d"
    assert len(plain_label("x" * 999)) == 60
    assert plain_label("日本語 $5") == r"日本語 \$5"
