"""Take the screenshots of docs/review.md from the built sample, in Debian's Chromium: the queue before anything is repaired."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs/review"
COMMAND = Path(sys.executable).with_name("booruflow")

SHOTS = (
    ("repair", "/", 1400, "light"),
    ("browse", "/browse", 1400, "dark"),
    ("progress", "/progress", 1400, "light"),
    ("repair_narrow", "/", 390, "dark"),
)
"""Name, page, width in pixels, colours."""

MAX_BYTES = 200_000

HEIGHTS = {1400: 900, 390: 844}


def main() -> None:
    """Serve a copy of the sample that nobody has edited, and take all screenshots."""
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = unedited_copy(Path(temporary) / "sample")
        command = [COMMAND, "review", folder, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1].rstrip("/")
            arguments = ["--no-sandbox"] if os.getuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
            for name, page, width, colours in SHOTS:
                path = DOCS / f"{name}.png"
                path.write_bytes(small(screenshot(browser, address + page, width, colours)))
                print(f"{path}: {path.stat().st_size:,} bytes")
            browser.close()
            server.terminate()


def unedited_copy(folder: Path) -> Path:
    """The sample with its products, as if its bad captions had not been repaired."""
    folder.mkdir()
    for name in ("results", "sample", "journal"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "config.yaml", folder)
    for fixed in (folder / "results/captions").glob("fixed_*.json"):
        fixed.write_text("{\n}\n", "utf-8")
    return folder


def screenshot(browser: Browser, url: str, width: int, colours: str) -> bytes:
    """A page as it is when all of it has been loaded, as PNG."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=colours)
    page.goto(url)
    page.locator(".badge, .figure").first.wait_for()
    page.wait_for_load_state("networkidle")
    # the folder's own name, not where it was copied to
    page.locator("header .folder").evaluate("element => { element.textContent = '/data/sample' }")
    data = page.screenshot()
    page.close()
    return data


def small(data: bytes) -> bytes:
    """A PNG of at most MAX_BYTES; one of 256 colours if that is needed."""
    if len(data) <= MAX_BYTES:
        return data
    target = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, "png", optimize=True)
    return target.getvalue()


if __name__ == "__main__":
    main()
