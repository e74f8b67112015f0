"""Pages in HTML that stand alone: they open offline, print, and are light or dark as the reader's system is.

A template extends `base.html`, which holds the style sheet and forbids scripts and requests. Every value is text: HTML is
escaped, and characters that do not show or that reorder a line are written as escapes.
"""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from booruflow.core.errors import counted_noun
from booruflow.core.files import open_whole
from booruflow.report.visible import visible

_BASE = Path(__file__).parent


def write_page(path: str | Path, template: Path, values: Mapping[str, object]) -> None:
    """Write a page, part by part.

    Args:
        path: the HTML file.
        template: a Jinja2 template, which can use base.html and the files beside it. It has the filters `count` (12,345),
            `counted` ("post": 12,345 posts), `percent` (of a whole), `duration`, and `breakable`, for names of tags. Texts
            by others belong in `<bdi>`, which keeps their direction to themselves.
        values: its variables; texts are escaped, `markupsafe.Markup` is not.

    Raises:
        UserError: the file cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _BASE]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=count, counted=counted_noun, percent=percent, breakable=breakable, duration=duration)
    with open_whole(path) as file:
        for part in environment.get_template(template.name).generate(values):
            file.write(part.encode())


def _visible_text(value: object) -> object:
    return visible(value) if type(value) is str else value  # and not that of a subclass, Markup


def breakable(name: str) -> Markup:
    """A name in which lines may break after underscores rather than in the middle of a word."""
    return Markup(escape(visible(name)).replace("_", Markup("_<wbr>")))


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def percent(part: float, whole: float) -> str:
    """`12.3%`; `-` of nothing. Less than all is never shown as 100%, and more than nothing never as 0%."""
    if not whole:
        return "-"
    shown = f"{100 * part / whole:.1f}"
    if part < whole and shown == "100.0":
        shown = "> 99.9"
    elif part > 0 and shown == "0.0":
        shown = "< 0.1"
    return f"{shown}%"


def duration(seconds: float) -> str:
    """`9.5 s`, `12 min 30 s`, `3 h 5 min` or `4 d 2 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    units = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))
    unit, size, smaller, part = next(each for each in units if round(seconds) >= each[1])
    amount, rest = divmod(round(seconds / part), size // part)
    return f"{amount:,} {unit} {rest} {smaller}" if rest else f"{amount:,} {unit}"
