import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.products.meta_cap import captions_only, meta_cap_entries


def test_other_keys_of_good_entries_are_dropped():
    frame = pl.DataFrame({"id": [1], "value": ['{"caption":"a \\"b\\"","repaired":true}']})
    assert pl.concat(captions_only([frame]))["value"].to_list() == ['{"caption":"a \\"b\\""}']


def entries(captions):
    values = [f'{{"caption":"{caption}"}}' for caption in captions.values()]
    return [pl.DataFrame({"id": list(captions), "value": values}, schema=ENTRY_SCHEMA)]


def test_later_sources_replace_earlier_ones():
    base, good, fixed = (
        entries({1: "base", 2: "base", 3: "base"}),
        entries({2: "good", 3: "good"}),
        entries({3: "fixed", 4: "fixed"}),
    )
    merged = pl.concat(meta_cap_entries(base, [good, fixed]))
    expected = entries({1: "base", 2: "good", 3: "fixed", 4: "fixed"})[0]
    assert merged.equals(expected)
