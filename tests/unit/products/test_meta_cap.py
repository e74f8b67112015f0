import json

import polars as pl
import pytest

from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.products.meta_cap import meta_cap_entries


@pytest.fixture
def write(tmp_path):
    def write(name, captions, **others):
        values = [json.dumps({"caption": caption, **others}, separators=(",", ":")) for caption in captions.values()]
        write_entries(tmp_path / name, [pl.DataFrame({"id": list(captions), "value": values}, schema=ENTRY_SCHEMA)])
        return tmp_path / name

    return write


def test_other_keys_of_good_entries_are_dropped(write):
    merged = pl.concat(meta_cap_entries(write("base", {}), [write("good", {1: 'a "b"'}, repaired=True)]))
    assert merged["value"].to_list() == ['{"caption":"a \\"b\\""}']


def test_later_sources_replace_earlier_ones(write):
    base = write("base", {1: "base", 2: "base", 3: "base"})
    generated = [write("good", {2: "good", 3: "good"}), write("fixed", {3: "fixed", 4: "fixed"})]
    merged = pl.concat(meta_cap_entries(base, generated))
    values = [f'{{"caption":"{source}"}}' for source in ("base", "good", "fixed", "fixed")]
    assert merged.equals(pl.DataFrame({"id": [1, 2, 3, 4], "value": values}, schema=ENTRY_SCHEMA))
