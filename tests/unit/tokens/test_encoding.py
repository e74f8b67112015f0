import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tokens import CATEGORIES
from booruflow.tokens.decoding import decode
from booruflow.tokens.encoding import Encoder, ranges
from booruflow.tokens.vocabulary import vocabulary_of

NAMES = [
    "1girl", "solo", "long_hair", "hat", "flower", "cosplay", "^_^", "shared", "hatsune_miku", "saber", "vocaloid",
    "someone", "ärtist", "a\u0308rtist", "highres", "flower_hat", "hat_flower", "long_hat", "saber_(cosplay)",
    "nobody_(cosplay)", "hat_(vocaloid)", "unknown", "un_known_thing", "un_hat_known_thing", "_hat", "😀", "<s>", ",",
]  # fmt: skip
TAGS = st.none() | st.lists(st.sampled_from(NAMES), max_size=9).map(" ".join)
POSTS = st.lists(
    st.fixed_dictionaries(
        {
            "rating": st.sampled_from(["g", "s", "q", "e", "x", None]),
            "score": st.none() | st.sampled_from([-7, -1, 0, 1, 9, 10, 2**31 - 1]),
            **dict.fromkeys(CATEGORIES, TAGS),
        }
    ),
    max_size=6,
)


def records(encoded):
    return [part.tolist() for part in np.split(encoded.tokens, np.cumsum(encoded.lengths)[:-1])] if len(encoded.lengths) else []


def written(vocabulary, ids):
    return " ".join(vocabulary.texts[number] for number in ids)


def test_a_record(vocabulary, batch):
    post = {
        "rating": "q", "score": 3, "general": "solo 1girl flower_hat un_hat_x", "character": "saber hatsune_miku",
        "artist": "", "meta": "highres",
    }  # fmt: skip
    encoded = Encoder(vocabulary, 64).encode(batch([post]))
    assert written(vocabulary, encoded.tokens) == (
        "<s> rating:q score:0..9 <character> hatsune_miku saber <copyright> <artist> "
        "<general> 1girl , solo , flower hat , <unk> hat <unk> , <meta> highres </s>"
    )


@given(POSTS)
def test_the_same_as_tag_by_tag(vocabulary, batch, plainly, posts):
    encoded = Encoder(vocabulary, 4096).encode(batch(posts))
    assert records(encoded) == [plainly(post, vocabulary) for post in posts]
    assert encoded.tally.posts == len(posts)
    assert encoded.tally.tokens == encoded.tokens.size == encoded.lengths.sum()


@given(POSTS)
def test_decoding_gives_back_the_tags_of_the_vocabulary(vocabulary, batch, posts):
    encoded = Encoder(vocabulary, 4096).encode(batch(posts))
    for post, record in zip(posts, records(encoded), strict=True):
        tags = decode(record, vocabulary)
        for category in CATEGORIES:
            expected = {name for name in (post[category] or "").split() if name in vocabulary.ids[category]}
            assert sorted(tags.names[category]) == sorted(expected)
        assert tags.rating == (post["rating"] if post["rating"] in ("g", "s", "q", "e") else None)


@given(POSTS, st.integers(16, 40))
def test_truncation_keeps_a_beginning_of_what_is_kept_first(vocabulary, batch, plainly, posts, length):
    encoded = Encoder(vocabulary, length).encode(batch(posts))
    whole = [plainly(post, vocabulary) for post in posts]
    assert encoded.untruncated.tolist() == [len(record) for record in whole]
    assert encoded.tally.truncated_posts == sum(len(record) > length for record in whole)
    lost_labels = 0
    for full, kept in zip(whole, records(encoded), strict=True):
        assert len(kept) <= length
        if len(full) <= length:
            assert kept == full
        before, after = items(full, vocabulary), items(kept, vocabulary)
        lost_labels += len(before["general"]) - len(after["general"])
        cut = False
        for category in ("character", "copyright", "artist", "meta", "general"):
            assert after[category] == before[category][: len(after[category])]
            assert not (cut and after[category])
            cut = cut or after[category] != before[category]
    assert encoded.tally.truncated_labels == lost_labels


def items(record, vocabulary):
    """The tags of each section, a general label as a tuple."""
    found, section = {category: [] for category in CATEGORIES}, None
    for number in record:
        text = vocabulary.texts[number]
        if text.strip("<>") in CATEGORIES:
            section, label = text.strip("<>"), []
        elif section and text != "</s>":
            if section != "general":
                found[section].append(number)
            elif text == ",":
                found[section].append(tuple(label))
                label = []
            else:
                label.append(number)
    return found


def test_the_rarest_labels_go_first(vocabulary, batch):
    post = {"general": "hat solo flower_hat long_hair 1girl ^_^ unknown"}
    encoder = Encoder(vocabulary, 19)
    encoded = encoder.encode(batch([post]))
    assert decode(encoded.tokens, vocabulary).names["general"] == ["1girl", "solo", "long_hair", "hat", "^_^"]
    assert (encoded.tally.truncated_posts, encoded.tally.truncated_labels, encoded.tally.truncated_other_tags) == (1, 2, 0)


def test_repeated_and_unknown_are_counted(vocabulary, batch):
    encoded = Encoder(vocabulary, 64).encode(batch([{"general": "solo solo x_y_z none", "artist": "a b someone"}]))
    assert encoded.tally.repeated_tags == 1
    assert encoded.tally.unknown == {"character": 0, "copyright": 0, "artist": 2, "general": 2, "meta": 0}


def test_names_are_compared_by_code_points(vocabulary, batch):
    encoded = Encoder(vocabulary, 64).encode(batch([{"artist": "a\u0308rtist"}, {"artist": "ärtist"}]))
    first, second = records(encoded)
    assert decode(first, vocabulary).names["artist"] == []
    assert decode(second, vocabulary).names["artist"] == ["ärtist"]


@pytest.mark.parametrize(("size", "kind"), [(1 << 16, "uint16"), ((1 << 16) + 1, "uint32")])
def test_the_width_follows_the_vocabulary(size, kind, batch):
    special = len(vocabulary_of({category: {} for category in CATEGORIES}))
    tags = {category: {} for category in CATEGORIES} | {"meta": {f"m{n}": 1 for n in range(size - special)}}
    vocabulary = vocabulary_of(tags)
    last = vocabulary.tokens[-1].name
    encoded = Encoder(vocabulary, 16).encode(batch([{"meta": last}]))
    assert encoded.tokens.dtype == kind
    assert decode(encoded.tokens, vocabulary).names["meta"] == [last]


def test_no_posts(vocabulary, batch):
    encoded = Encoder(vocabulary, 16).encode(batch([]))
    assert encoded.lengths.shape == (0,) and encoded.tokens.shape == (0,)


def test_large_strings_are_taken_too(vocabulary, batch):
    posts = batch([{"general": "solo hat", "artist": "someone"}])
    large = pa.RecordBatch.from_arrays(
        [column.cast(pa.large_string()) if column.type == pa.string() else column for column in posts.columns],
        names=posts.schema.names,
    )
    encoder = Encoder(vocabulary, 64)
    assert encoder.encode(large).tokens.tolist() == encoder.encode(posts).tokens.tolist()


def test_a_length_too_short_for_a_record(vocabulary):
    with pytest.raises(UserError, match="max_length 15: too short"):
        Encoder(vocabulary, 15)


def test_ranges():
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert ranges(np.array([], np.int64), np.array([], np.int64)).tolist() == []
