import polars as pl

from booruflow.captioning.skipped import SKIPPED_SCHEMA, Skip, read_skipped, skip_unreadable, write_skipped
from booruflow.core.errors import Unreadable


def test_reasons_and_details_are_read_back_as_columns(tmp_path):
    path = tmp_path / "skipped_0.json"
    write_skipped(path, {20: skip_unreadable(Unreadable('broken "image"')), 3: Skip("no image")})
    assert path.read_text().splitlines()[1] == '"3": {"reason":"no image"},'
    frame = pl.concat(read_skipped(path))
    assert frame.schema == SKIPPED_SCHEMA
    assert frame.rows() == [
        (3, "no image", None),
        (20, "unreadable image", 'broken "image"'),
    ]


def test_a_shard_without_skipped_posts(tmp_path):
    write_skipped(tmp_path / "skipped_0.json", {})
    frame = pl.concat(read_skipped(tmp_path / "skipped_0.json"))
    assert (frame.schema, frame.height) == (SKIPPED_SCHEMA, 0)
