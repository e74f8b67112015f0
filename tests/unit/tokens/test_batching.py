import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.tokens.batching import SPARE, delimiter_ids, gather, pad, shuffle_tags
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary

VOCABULARY = build_vocabulary({category: {} for category in SECTION_ORDER})
SPECIAL = VOCABULARY.special
FIRST_TAG = len(VOCABULARY)

tags = st.integers(FIRST_TAG, 60_000)
labels = st.lists(st.lists(tags, min_size=1, max_size=9), max_size=12)
posts = st.fixed_dictionaries(
    {category: labels if category == "general" else st.lists(tags, max_size=5) for category in SECTION_ORDER}
)


def record(post):
    ids = [SPECIAL["bos"], SPECIAL["rating:s"]]
    for category in SECTION_ORDER:
        ids.append(SPECIAL[category])
        for tag in post[category]:
            ids += [*tag, SPECIAL["delimiter"]] if category == "general" else [tag]
    return [*ids, SPECIAL["eos"]]


def post_of(ids):
    assert ids[:2] == [SPECIAL["bos"], SPECIAL["rating:s"]] and ids[-1] == SPECIAL["eos"]
    places = [ids.index(SPECIAL[category]) for category in SECTION_ORDER] + [len(ids) - 1]
    post = {category: ids[a + 1 : b] for category, a, b in zip(SECTION_ORDER, places, places[1:], strict=False)}
    general, label = [], []
    for token in post["general"]:
        if token == SPECIAL["delimiter"]:
            general.append(label)
            label = []
        else:
            label.append(token)
    assert not label
    return post | {"general": general}


def file_of(records, dtype):
    return np.concatenate(records).astype(dtype), np.cumsum([0, *map(len, records)]).astype(np.uint64)


def split(flat, lengths):
    return [row.tolist() for row in np.split(flat[:-SPARE], np.cumsum(lengths)[:-1])]


@given(st.lists(posts, min_size=1, max_size=6), st.sampled_from([np.uint16, np.uint32]), st.data())
def test_a_batch_has_the_shuffled_tags_of_its_records_then_padding(drawn, dtype, data):
    records = [record(post) for post in drawn]
    chosen = data.draw(st.lists(st.integers(0, len(drawn) - 1), min_size=1, max_size=9))
    flat, lengths = gather(*file_of(records, dtype), np.array(chosen, np.uint32))
    assert split(flat, lengths) == [records[n] for n in chosen]

    post_ids = np.arange(len(chosen), dtype=np.int64)
    shuffled = shuffle_tags(flat, lengths, post_ids, 7, 0, delimiter_ids(VOCABULARY))
    assert shuffled.dtype == dtype
    for n, ids in zip(chosen, split(shuffled, lengths), strict=True):
        assert {name: sorted(found) for name, found in post_of(ids).items()} == {
            name: sorted(found) for name, found in drawn[n].items()
        }
    again = shuffle_tags(flat, lengths, post_ids, 7, 0, delimiter_ids(VOCABULARY))
    assert (again[:-SPARE] == shuffled[:-SPARE]).all()

    ids, mask = pad(shuffled, lengths)
    assert ids.shape == mask.shape == (len(chosen), lengths.max())
    assert mask.sum(axis=1).tolist() == lengths.tolist() and (np.diff(mask, axis=1) <= 0).all()
    assert ids[mask == 1].tolist() == shuffled[:-SPARE].tolist() and not ids[mask == 0].any()


def test_all_orders_of_three_labels_are_equally_likely():
    records = [record({name: [] for name in SECTION_ORDER} | {"general": [[100], [200, 201], [300]]})]
    flat, lengths = gather(*file_of(records, np.uint16), np.zeros(6000, np.uint32))
    shuffled = shuffle_tags(flat, lengths, np.arange(6000), 3, 0, delimiter_ids(VOCABULARY))
    orders = [tuple(map(tuple, post_of(ids)["general"])) for ids in split(shuffled, lengths)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and all(850 < count < 1150 for count in counts)  # 1000 expected, standard deviation 29


def test_a_damaged_record_does_not_change_other_records():
    damaged = [SPECIAL["bos"], *range(100, 140), SPECIAL["eos"]]  # no section, so nothing to shuffle
    open_label = [SPECIAL["bos"], SPECIAL["general"], *range(100, 140), SPECIAL["eos"]]
    whole = record({name: [500] for name in SECTION_ORDER} | {"general": [[100]]})
    flat, lengths = gather(*file_of([damaged, open_label, whole], np.uint16), np.arange(3, dtype=np.uint32))
    shuffled = split(shuffle_tags(flat, lengths, np.arange(3), 3, 0, delimiter_ids(VOCABULARY)), lengths)
    assert shuffled[0] == damaged and shuffled[2] == whole


@pytest.mark.parametrize("offsets", [[0, 5, 500], [0, 5, 3], [0, 0, 9]])
def test_offsets_outside_the_tokens_are_refused(offsets):
    with pytest.raises(ValueError, match="run the rule tokens again"):
        gather(np.arange(9, dtype=np.uint16), np.array(offsets, np.uint64), np.arange(2, dtype=np.uint32))
