import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from booruflow.captioning.backends.serving.png import png_bytes

SIDES = st.integers(1, 40)


@settings(derandomize=True, deadline=None)
@given(width=SIDES, height=SIDES, seed=st.integers(0, 9), greatest=st.sampled_from([1, 2, 256]))
def test_every_pixel_is_kept(width, height, seed, greatest):
    pixels = np.random.default_rng(seed).integers(0, greatest, (height, width, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(png_bytes(Image.fromarray(pixels))), formats=["PNG"]) as image:
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("damaged", [40, -20])
def test_its_checksums_are_right(damaged):
    """Pillow reads the file with its checks on, and refuses it with one byte changed."""
    data = bytearray(png_bytes(Image.new("RGB", (64, 64), (1, 2, 3))))
    Image.open(io.BytesIO(data)).verify()
    data[damaged] ^= 1
    with pytest.raises((OSError, SyntaxError)):
        image = Image.open(io.BytesIO(data))
        image.verify()


def test_flat_drawings_become_small():
    assert len(png_bytes(Image.new("RGB", (640, 640), "teal"))) < 640 * 640 * 3 // 100
