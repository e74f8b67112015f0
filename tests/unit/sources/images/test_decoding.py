import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import FORMATS, encoded, noise
from PIL import Image

from booruflow.core.errors import Unreadable
from booruflow.sources.images.decoding import open_image


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_is_decoded_as_rgb(tmp_path, extension):
    image = open_image(encoded(extension))
    assert (image.mode, image.size) == ("RGB", (8, 6))
    assert all(abs(a - b) < 12 for a, b in zip(image.getpixel((4, 3)), (255, 0, 0), strict=True))


@pytest.mark.parametrize(
    ("data", "color"),
    [
        (encoded("png", mode="RGBA", color=(0, 0, 255, 0)), (255, 255, 255)),
        (encoded("png", mode="RGBA", color=(0, 0, 0, 51)), (204, 204, 204)),
        (encoded("png", mode="LA", color=(0, 0)), (255, 255, 255)),
        (encoded("png", mode="P", color=0, transparency=0), (255, 255, 255)),
        (encoded("webp", mode="RGBA", color=(0, 0, 0, 0), lossless=True), (255, 255, 255)),
        (encoded("png", mode="L", color=77), (77, 77, 77)),
        (encoded("png", mode="1", color=1), (255, 255, 255)),
        (encoded("png", mode="I;16", color=100 << 8), (100, 100, 100)),
        (encoded("png", mode="I;16", color=100 << 8, transparency=7), (100, 100, 100)),
        (encoded("png", mode="I;16", color=100 << 8, transparency=100 << 8), (255, 255, 255)),
        (encoded("png", mode="I;16", color=(100 << 8) + 1, transparency=100 << 8), (100, 100, 100)),
        (encoded("png", mode="L", color=77, transparency=77), (255, 255, 255)),
        (encoded("png", mode="L", color=77, transparency=78), (77, 77, 77)),
        (encoded("png", color=(1, 2, 3), transparency=(1, 2, 3)), (255, 255, 255)),
        (encoded("jpg", mode="CMYK", color=(0, 0, 0, 0)), (255, 255, 255)),
    ],
)
def test_modes_and_transparency(data, color):
    image = open_image(data)
    assert image.mode == "RGB"
    assert image.getpixel((2, 2)) == color


def png(bits: int, color_type: int, row: bytes, transparency: bytes) -> bytes:
    """A PNG of 4 x 1 pixels, some of whose forms Pillow does not write."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 1, bits, color_type, 0, 0, 0)), (b"tRNS", transparency)]
    chunks += [(b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("bits", "color_type", "row", "value", "shade"),
    [
        (2, 0, b"\x55", (1,), (85, 85, 85)),
        (4, 0, b"\x55\x55", (5,), (85, 85, 85)),
        (16, 0, struct.pack(">H", 25_600) * 4, (25_600,), (100, 100, 100)),
        (16, 2, struct.pack(">HHH", 1000, 2000, 3000) * 4, (1000, 2000, 3000), (3, 7, 11)),
    ],
)
def test_one_value_stands_for_transparency(bits, color_type, row, value, shade):
    for transparency, expected in [(value, (255, 255, 255)), ([part ^ (256 if bits == 16 else 1) for part in value], shade)]:
        packed = b"".join(struct.pack(">H", part) for part in transparency)
        assert open_image(png(bits, color_type, row, packed)).getpixel((1, 0)) == expected


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # the top row is the right side
    data = encoded("jpg", exif=exif)
    assert open_image(data).size == (6, 8)


@pytest.mark.parametrize("extension", ["gif", "webp"])
def test_the_first_frame_of_an_animation_is_taken(extension):
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(out, FORMATS[extension], save_all=True, append_images=frames[1:], lossless=True)
    assert open_image(out.getvalue()).getpixel((1, 1)) == (255, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"no image",
        b"<svg/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n",
        encoded("bmp")[:18] + b"\xff\xff\xff\x0f" * 2 + encoded("bmp")[26:],
    ],
)
def test_other_data_is_unreadable(data):
    with pytest.raises(Unreadable) as caught:
        open_image(data)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize("extension", FORMATS)
def test_truncated_images_are_unreadable(extension):
    data = noise(extension)
    for length in (len(data) // 2, len(data) * 9 // 10, 30):
        with pytest.raises(Unreadable):
            open_image(data[:length])


@settings(deadline=None, max_examples=150)
@given(extension=st.sampled_from(sorted(FORMATS)), data=st.data())
def test_mutated_images_are_decoded_or_unreadable(extension, data):
    image = bytearray(noise(extension, (16, 12)))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(image) - 1), st.integers(0, 255)), max_size=8)):
        image[at] = value
    try:
        assert open_image(bytes(image)).mode == "RGB"
    except Unreadable as reason:
        assert str(reason)
        assert "\n" not in str(reason)


@pytest.mark.parametrize(("enough", "size"), [(None, (400, 300)), (10**6, (400, 300)), (20_000, (200, 150)), (1_000, (50, 38))])
def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(enough, size):
    out = io.BytesIO()
    Image.linear_gradient("L").resize((400, 300)).save(out, "JPEG", quality=95)
    image = open_image(out.getvalue(), enough)
    assert (image.size, image.mode) == (size, "RGB")
    whole = open_image(out.getvalue()).resize(size, Image.Resampling.BICUBIC)
    assert (
        max(
            abs(a - b)
            for a, b in zip(image.get_flattened_data(), whole.get_flattened_data(), strict=True)
            for a, b in zip(a, b, strict=True)
        )
        < 8
    )
    assert open_image(encoded("png"), enough).size == (8, 6)
