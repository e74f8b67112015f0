import io

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
        (encoded("jpg", mode="CMYK", color=(0, 0, 0, 0)), (255, 255, 255)),
    ],
)
def test_modes_and_transparency(data, color):
    image = open_image(data)
    assert image.mode == "RGB"
    assert image.getpixel((2, 2)) == color


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


@pytest.mark.parametrize("data", [b"no image", b"<svg/>", encoded("bmp")[:18] + b"\xff\xff\xff\x0f" * 2 + encoded("bmp")[26:]])
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
