"""The images of the small data set, and its exports."""

import pytest
from small_exports import export, image_folder

from booruflow.exports.settings import IMAGES


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def write(images, tmp_path):
    return lambda form, **settings: export(tmp_path, images, form=form, **{"images": IMAGES[form][0], **settings})
