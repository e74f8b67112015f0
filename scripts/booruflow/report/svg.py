"""Charts as SVG, whose colours and letters are those of the page: bars, histograms and lines. Equal figures give equal bytes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from booruflow.core.files import open_whole
from booruflow.report.visible import visible

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 24, 40
"""Margins of the plotted area, in pixels."""
TICKS = 5
BAR_HEIGHT = 14

Point = tuple[float, float]


def bar(parts: Sequence[tuple[str, str, int]], whole: float) -> Markup:
    """A horizontal bar as wide as its place where it stands for `whole`.

    Args:
        parts: of the bar from left to right: colour (`c0` to `c9`), name and count; shown when pointed at.
        whole: the count of the widest bar beside it.
    """
    rects, start = [], 0
    for colour, name, count in parts:
        if count:
            x, width = 100 * start / whole, 100 * count / whole
            rects.append(
                Markup('<rect class="{}" x="{}%" width="{}%" height="{}"><title>{}: {}</title></rect>').format(
                    colour, f"{x:.3f}", f"{max(width, 0.15):.3f}", BAR_HEIGHT, visible(name), f"{count:,}"
                )
            )
            start += count
    return Markup('<svg class="bar" height="{}" aria-hidden="true">{}</svg>').format(BAR_HEIGHT, Markup("").join(rects))


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels, with its ticks: the value and the label of each."""

    start: float
    end: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """The place of a value, from 0 at the start to 1 at the end."""
        start, end, at = (math.log(each) if self.logarithmic else each for each in (self.start, self.end, value))
        return (at - start) / ((end - start) or 1)


def linear(end: float) -> Axis:
    """An axis of counts, from 0 to a round number that is not less than `end`."""
    power = 10 ** max(math.floor(math.log10(max(end, 1) / TICKS)), 0)
    step = next(each * power for each in (1, 2, 5, 10) if each * power * TICKS >= end)
    top = max(math.ceil(end / step), 1) * step
    return Axis(0, top, [(value, f"{value:,}") for value in range(0, top + 1, step)])


def powers_of_ten(start: float, end: float) -> Axis:
    """A logarithmic axis, both ends above 0."""
    powers = range(math.floor(math.log10(start)), math.ceil(math.log10(end)) + 1)
    ticks = [(10.0**power, f"{10**power:,}") for power in powers if start <= 10**power <= end]
    return Axis(start, max(end, start * 1.001), ticks, logarithmic=True)


def histogram(
    counts: Sequence[int],
    x: Axis,
    edges: Sequence[float],
    labels: tuple[str, str],
    colour: str = "c1",
    marks: Sequence[float] = (),
) -> Markup:
    """Bars that touch: `counts[i]` from `edges[i]` to `edges[i + 1]` on the axis `x`.

    `labels` are of the axes; a vertical line is drawn at each of `marks`.
    """
    y = linear(max(counts, default=0))
    bars = []
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        if count:
            left, right, top = _x(x, start), _x(x, end), _y(y, count)
            title = f"{start:,.6g} to {end:,.6g}: {count:,}"
            bars.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                    colour, f"{left:.2f}", f"{top:.2f}", f"{max(right - left - 0.5, 0.5):.2f}", f"{_y(y, 0) - top:.2f}", title
                )
            )
    lines = [_line("mark", _x(x, place), TOP, _x(x, place), HEIGHT - BOTTOM) for place in marks]
    return _chart(x, y, labels, [*bars, *lines])


def lines(
    series: Mapping[str, Sequence[Point]], x: Axis, y: Axis, labels: tuple[str, str], dots: Mapping[str, Sequence[Point]]
) -> Markup:
    """A line for each entry of `series`, with the points of the same name in `dots`, and their names as a legend."""
    drawn: list[Markup] = []
    for number, (name, points) in enumerate(series.items(), 1):
        path = " ".join(f"{_x(x, at):.2f},{_y(y, value):.2f}" for at, value in points)
        drawn.append(Markup('<polyline class="l{}" points="{}"/>').format(number, path))
        for at, value in dots.get(name, ()):
            drawn.append(
                Markup('<circle class="c{}" cx="{}" cy="{}" r="4"/>').format(number, f"{_x(x, at):.2f}", f"{_y(y, value):.2f}")
            )
        top = HEIGHT - BOTTOM - 14 * (len(series) - number) - 10
        drawn.append(Markup('<rect class="c{}" x="{}" y="{}" width="9" height="9"/>').format(number, WIDTH - 105, top - 8))
        drawn.append(_text(WIDTH - 92, top, name, "start"))
    return _chart(x, y, labels, drawn)


def save_svg(path: str | Path, chart: Markup) -> None:
    """Write a chart as a file of its own, with the style sheets that pages have; errors as `open_whole`."""
    style = "".join(Path(__file__).with_name(name).read_text("utf-8") for name in ("colours.css", "charts.css"))
    start, end = chart.split(">", 1)
    background = '<rect width="100%" height="100%" style="fill: var(--paper)"/>'
    with open_whole(path) as file:
        file.write(f"{start}><style>\n{style}</style>{background}{end}\n".encode())


def _chart(x: Axis, y: Axis, labels: tuple[str, str], drawn: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {} {}" width="{}" height="{}" role="img">{}</svg>'
    ).format(WIDTH, HEIGHT, WIDTH, HEIGHT, Markup("").join([*_axes(x, y, labels), *drawn]))


def _axes(x: Axis, y: Axis, labels: tuple[str, str]) -> Iterator[Markup]:
    yield Markup("<title>{}</title>").format(f"{labels[1]} by {labels[0]}")
    for value, label in y.ticks:
        yield _line("grid", LEFT, _y(y, value), WIDTH - RIGHT, _y(y, value))
        yield _text(LEFT - 6, _y(y, value) + 4, label, "end")
    for value, label in x.ticks:
        yield _line("tick", _x(x, value), HEIGHT - BOTTOM, _x(x, value), HEIGHT - BOTTOM + 4)
        yield _text(_x(x, value), HEIGHT - BOTTOM + 16, label, "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, labels[0], "middle")
    yield _text(2, 11, labels[1], "start")


def _x(axis: Axis, value: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * axis.place(value)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * axis.place(value)


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup(f'<line class="{name}" x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}"/>')


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{escape(text)}</text>')
