import json

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.sources.kohya_resolutions import kohya_to_parquet


def converted(tmp_path, content):
    (tmp_path / "meta_lat.json").write_text(json.dumps(content, indent=2))
    kohya_to_parquet(tmp_path / "meta_lat.json", tmp_path / "lat.parquet")
    return pl.read_parquet(tmp_path / "lat.parquet").rows()


def test_resolutions_of_every_version_of_sd_scripts(tmp_path):
    assert converted(
        tmp_path,
        {
            "/data/3.webp": {"tags": "a", "train_resolution": [832, 1216]},
            "1": {"image_size": [600, 900]},
            "C:\\images\\2.png": {"train_resolution": [64.0, 128.0], "image_size": [1, 2]},
            "4.webp": {"caption": "no size yet"},
        },
    ) == [(3, 832, 1216, None, None), (1, None, None, 600, 900), (2, 64, 128, 1, 2), (4, None, None, None, None)]


@pytest.mark.parametrize(
    "size",
    [[64], [64, 0], [64, -64], [64, "64"], [64, None], [64.5, 64], [True, 64], [1e30, 64], [64, 1 << 31], "64x64", {"w": 64}],
)
def test_an_invalid_resolution_is_refused(tmp_path, size):
    with pytest.raises(UserError, match=r"meta_lat\.json: key '1': .* is not \[width, height\]"):
        converted(tmp_path, {"1": {"train_resolution": size}})


def test_an_entry_that_is_not_an_object_is_refused(tmp_path):
    with pytest.raises(UserError, match="key '1': not an object"):
        converted(tmp_path, {"1": "caption"})
