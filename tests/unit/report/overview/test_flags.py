import json
from pathlib import Path

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.report.overview.flags import read_flags

COUNTS = {
    "captions": {"base": 90, "generated": 10},
    "flags": {"hair": {"base": 2}, "long": {"base": 40, "generated": 1}, "echo": {}},
    "tokens": {"clip": "estimated"},
}


def test_flags_have_counts_by_origin_and_the_same_examples_however_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "counts.json").write_text(json.dumps(COUNTS))
    rows = [(post, "long", None if post % 2 else "513 tokens") for post in range(41)] + [(50, "hair", "red"), (51, "hair", "x")]
    flags = pl.DataFrame(rows, schema=["id", "flag", "detail"], orient="row")
    whole = read_flags(tmp_path / "counts.json", [flags])
    assert [(flag.name, flag.total(), len(flag.examples)) for flag in whole.found] == [
        ("long", 41, 3),
        ("hair", 2, 2),
        ("echo", 0, 0),
    ]
    assert read_flags(tmp_path / "counts.json", [flags.slice(start, 4) for start in range(0, 44, 4)]) == whole
    assert dict(whole.found[1].examples) == {50: "red", 51: "x"} and whole.tokens == {"clip": "estimated"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"flags": 7}', '{"flags": {"a": 7}, "captions": {}, "tokens": {}}'])
def test_damaged_counts_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "counts.json").write_text(text)
    with pytest.raises(UserError, match=r"counts\.json: damaged: delete it"):
        read_flags(tmp_path / "counts.json", [])
