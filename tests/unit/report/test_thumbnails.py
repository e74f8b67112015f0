import base64
import io
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from booruflow.core.errors import Unreadable
from booruflow.report.thumbnails import find_images, thumbnail
from booruflow.sources.images.listing import IMAGES_SCHEMA


def test_an_image_is_found_and_shrunk(tmp_path: Path) -> None:
    Image.new("RGBA", (900, 600), "red").save(tmp_path / "1.png")
    rows = [(post, str(tmp_path), None, f"{post}.png", None, None) for post in (1, 7)]
    locations = find_images([pl.DataFrame(rows, schema=IMAGES_SCHEMA, orient="row")], {1, 2})
    assert locations == {1: (f"{tmp_path}/1.png", None, None)}
    head, data = thumbnail(locations[1], side=90).split(",")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (head, image.format, image.size) == ("data:image/webp;base64", "WEBP", (90, 60))


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    tmp_path.joinpath("2.webp").write_bytes(b"broken")
    with pytest.raises(Unreadable, match="not an image"):
        thumbnail((f"{tmp_path}/2.webp", None, None))
