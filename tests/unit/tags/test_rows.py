import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from booruflow.tags.rows import Links, Tags, appended, has, joined, without_repeats

NAMES = 5


def tags_of(table):
    pairs = [(row, name) for row, names in enumerate(table) for name in names]
    return Tags(np.array([row for row, _ in pairs], np.int32), np.array([name for _, name in pairs], np.int32))


def listed(tags, count):
    return [tags.name[tags.row == row].tolist() for row in range(count)]


tables = st.lists(st.lists(st.integers(0, NAMES - 1), max_size=6), min_size=1, max_size=6)


@given(tables, tables)
def test_which_of_the_wanted_tags_are_in_their_row(table, wanted):
    found = has(tags_of(table), tags_of(wanted), NAMES).tolist()
    assert found == [row < len(table) and name in table[row] for row, names in enumerate(wanted) for name in names]
    assert not has(tags_of(table), tags_of(wanted), NAMES, np.zeros(sum(map(len, table)), bool)).any()


@given(tables, st.randoms(use_true_random=False))
def test_changed_tags_give_way_to_what_is_there(table, draw):
    table = [list(dict.fromkeys(names)) for names in table]
    flags = [[draw.random() < 0.5 for _ in names] for names in table]
    renamed = [[0 if flag else name for name, flag in zip(*row, strict=True)] for row in zip(table, flags, strict=True)]
    changed = np.array([flag for row in flags for flag in row], bool)
    found = listed(without_repeats(tags_of(renamed), changed, NAMES), len(table))
    for row, (names, own_flags, result) in enumerate(zip(renamed, flags, found, strict=True)):
        plain = [name for name, flag in zip(names, own_flags, strict=True) if not flag]
        assert sorted(result) == sorted(set(names)), row
        assert [name for name in result if name in plain] == plain


@given(tables, tables)
def test_more_tags_stand_at_the_end_of_their_rows(table, more):
    count = max(len(table), len(more))
    table, more = ([*each, *[[]] * (count - len(each))] for each in (table, more))
    expected = [[*names, *dict.fromkeys(new)] for names, new in zip(table, more, strict=True)]
    assert listed(appended(tags_of(table), tags_of(more)), count) == expected


@given(tables)
def test_links_lead_from_each_tag_to_its_targets(table):
    targets = [[], [0], [0, 1], [4], []]
    found = Links.of(targets).followed(tags_of(table))
    assert listed(found, len(table)) == [[target for name in names for target in targets[name]] for names in table]


@given(tables)
def test_texts_are_joined_row_by_row(table):
    texts = ["a", "é_b", "", "^_^", "x y"]
    lines = joined(tags_of(table), len(table), texts, ", ")
    assert lines.to_list() == [", ".join(texts[name] for name in names) if names else None for names in table]
