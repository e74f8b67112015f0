"""Writing figures as SVG files that are the same to the byte whenever they are drawn from the same data."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from booruflow.core.files import written_whole


def save_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, without the date and with fixed instead of random element ids; errors as `written_whole`."""
    with mpl.rc_context({"svg.hashsalt": "booruflow"}), written_whole(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})
