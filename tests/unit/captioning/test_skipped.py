import polars as pl
import pytest

from booruflow.captioning.skipped import SKIPPED_SCHEMA, Skip, read_skipped, skip_unreadable, write_skipped
from booruflow.core.errors import Unreadable, UserError


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


@pytest.mark.parametrize("value", ["[1]", "5", "null", "{}", '{"reason":null}', '{"reason":{}}', '{"reason":"a"', "x", '"s"'])
def test_an_entry_without_a_reason_is_named(tmp_path, value):
    path = tmp_path / "skipped_0.json"
    path.write_text(f'{{\n"3": {{"reason":"no image"}},\n"20": {value}\n}}\n')
    with pytest.raises(UserError, match=r"skipped_0\.json: id 20: not an object with a text 'reason': delete the file"):
        pl.concat(read_skipped(path))


def test_a_detail_that_is_no_text_is_one_line(tmp_path):
    path = tmp_path / "skipped_0.json"
    path.write_text('{\n"3": {"reason":"no image","detail":[1]}\n}\n')
    with pytest.raises(UserError, match=r"skipped_0\.json: a detail that is no text: delete the file"):
        pl.concat(read_skipped(path))
