import polars as pl

from booruflow.captioning.skipped import read_skipped
from booruflow.core.idjson import write_entries
from booruflow.products.trainable import without_unreadable


def test_posts_with_an_unreadable_image_are_left_out(tmp_path):
    values = [
        '{"reason":"unreadable image","detail":"x"}',
        '{"reason":"no image"}',
        '{"reason":"generation failed: \\"reason\\":\\"unreadable image"}',
    ]
    write_entries(tmp_path / "skipped_0.json", [pl.DataFrame({"id": [1, 2, 3], "value": values})])
    write_entries(tmp_path / "skipped_1.json", [])
    skipped = [read_skipped(tmp_path / f"skipped_{n}.json") for n in (0, 1)]
    kept = pl.concat(without_unreadable([pl.DataFrame({"id": [1, 2, 3, 4], "file": list("abcd")})], skipped))
    assert kept.rows() == [(2, "b"), (3, "c"), (4, "d")]
