"""Draw docs/report.png: the top of the sample's report, as a browser shows it.

    snakemake --cores 2 report && python tools/report_picture.py results/report/index.html docs/report.png

Needs Chromium, such as Debian's package `chromium`.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

SIZE = (1240, 1500)
"""Width and height in pixels."""

COLOURS = 96
"""Of the palette: flat colours need few, and the file stays small."""


def take_picture(page: Path, picture: Path, size: tuple[int, int] = SIZE) -> None:
    """Draw the top of a page as a PNG with a palette.

    Raises:
        SystemExit: there is no Chromium.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("chromium: not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "page.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}"]
        address = page.resolve().as_uri()
        subprocess.run([browser, *options, f"--screenshot={drawn}", address], check=True, capture_output=True)
        Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]))
