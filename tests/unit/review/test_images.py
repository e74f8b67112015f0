import io

import pytest
from PIL import Image
from small_dataset import IDS, image_bytes

from booruflow.review.reading.images import NoImage

COLOURS = {IDS[0]: (255, 0, 0), IDS[1]: (0, 128, 0), IDS[2]: (0, 0, 255)}


@pytest.mark.parametrize(("post", "media"), [(IDS[0], "image/png"), (IDS[1], "image/webp"), (IDS[2], "image/jpeg")])
def test_an_image_is_found_loose_in_a_subfolder_and_in_a_tar(dataset, post, media):
    image = Image.open(io.BytesIO(dataset.images.scaled(post, 64)))
    assert (image.format, image.size) == ("WEBP", (64, 32))
    assert all(abs(found - made) < 9 for found, made in zip(image.convert("RGB").getpixel((30, 15)), COLOURS[post], strict=True))
    data, found_media = dataset.images.original(post)
    assert (found_media, Image.open(io.BytesIO(data)).size) == (media, (64, 32))
    assert dataset.images.name(post).startswith("images/")


def test_images_are_never_enlarged_and_no_side_is_out_of_bounds(dataset):
    for side in (-5, 0, 10**9):
        assert max(Image.open(io.BytesIO(dataset.images.scaled(IDS[0], side))).size) == 64


def test_there_is_no_image_to_show(dataset, folder):
    with pytest.raises(NoImage, match="not an image of a known kind"):
        dataset.images.scaled(IDS[3], 64)
    with pytest.raises(NoImage, match="not an image of a known kind"):
        dataset.images.original(IDS[3])
    for post in (IDS[4], -1, 10**30):
        with pytest.raises(NoImage, match="no image"):
            dataset.images.original(post)
    (folder / f"images/{IDS[0]}.png").unlink()
    with pytest.raises(NoImage, match="no such file"):
        dataset.images.scaled(IDS[0], 64)
    (folder / "results/images/images.parquet").unlink()
    with pytest.raises(NoImage, match=r"images\.parquet is missing: snakemake images"):
        dataset.images.scaled(IDS[1], 64)


def test_only_images_are_sent_as_images(dataset, folder):
    (folder / f"images/{IDS[0]}.png").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    with pytest.raises(NoImage):
        dataset.images.original(IDS[0])
    (folder / f"images/{IDS[0]}.png").write_bytes(image_bytes(form="gif"))
    assert dataset.images.original(IDS[0])[1] == "image/gif"
