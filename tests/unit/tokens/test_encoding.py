import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tokens.decoding import decode_record
from booruflow.tokens.encoding import Encoder, ranges, write_tokens
from booruflow.tokens.token_file import TokenFile
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary, write_vocabulary

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
            **dict.fromkeys(SECTION_ORDER, TAGS),
        }
    ),
    max_size=6,
)


def records(encoded):
    return [part.tolist() for part in np.split(encoded.tokens, np.cumsum(encoded.lengths)[:-1])] if len(encoded.lengths) else []


def texts(vocabulary, ids):
    return " ".join(vocabulary.texts[number] for number in ids)


def test_a_record(vocabulary, batch):
    post = {
        "rating": "q", "score": 3, "general": "solo 1girl flower_hat un_hat_x", "character": "saber hatsune_miku",
        "artist": "", "meta": "highres",
    }  # fmt: skip
    encoded = Encoder(vocabulary, 64).encode(batch([post]))
    assert texts(vocabulary, encoded.tokens) == (
        "<s> rating:q score:0..9 <character> hatsune_miku saber <copyright> <artist> "
        "<general> 1girl , solo , flower hat , <unk> hat <unk> , <meta> highres </s>"
    )


@given(POSTS)
def test_the_same_ids_as_encoding_tag_by_tag(vocabulary, batch, encode_tag_by_tag, posts):
    encoded = Encoder(vocabulary, 4096).encode(batch(posts))
    assert records(encoded) == [encode_tag_by_tag(post, vocabulary) for post in posts]
    assert encoded.counts.posts == len(posts)
    assert encoded.counts.tokens == encoded.tokens.size == encoded.lengths.sum()


@given(POSTS)
def test_decoding_gives_the_tags_of_the_vocabulary(vocabulary, batch, posts):
    encoded = Encoder(vocabulary, 4096).encode(batch(posts))
    for post, record in zip(posts, records(encoded), strict=True):
        tags = decode_record(record, vocabulary)
        for category in SECTION_ORDER:
            expected = {name for name in (post[category] or "").split() if name in vocabulary.ids[category]}
            assert sorted(tags.names[category]) == sorted(expected)
        assert tags.rating == (post["rating"] if post["rating"] in ("g", "s", "q", "e") else None)


@given(POSTS, st.integers(16, 40))
def test_truncation_keeps_a_prefix_in_the_order_of_sections(vocabulary, batch, encode_tag_by_tag, posts, length):
    encoded = Encoder(vocabulary, length).encode(batch(posts))
    whole = [encode_tag_by_tag(post, vocabulary) for post in posts]
    assert encoded.untruncated.tolist() == [len(record) for record in whole]
    assert encoded.counts.truncated_posts == sum(len(record) > length for record in whole)
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
    assert encoded.counts.truncated_labels == lost_labels


def items(record, vocabulary):
    """The tags of each section, a general label as a tuple."""
    found, section = {category: [] for category in SECTION_ORDER}, None
    for number in record:
        text = vocabulary.texts[number]
        if text.strip("<>") in SECTION_ORDER:
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


def test_the_rarest_labels_are_dropped_first(vocabulary, batch):
    post = {"general": "hat solo flower_hat long_hair 1girl ^_^ unknown"}
    encoder = Encoder(vocabulary, 19)
    encoded = encoder.encode(batch([post]))
    assert decode_record(encoded.tokens, vocabulary).names["general"] == ["1girl", "solo", "long_hair", "hat", "^_^"]
    assert (encoded.counts.truncated_posts, encoded.counts.truncated_labels, encoded.counts.truncated_other_tags) == (1, 2, 0)


def test_repeated_and_unknown_are_counted(vocabulary, batch):
    encoded = Encoder(vocabulary, 64).encode(batch([{"general": "solo solo x_y_z none", "artist": "a b someone"}]))
    assert encoded.counts.repeated_tags == 1
    assert encoded.counts.unknown == {"character": 0, "copyright": 0, "artist": 2, "general": 2, "meta": 0}


@pytest.mark.parametrize(
    ("general", "repeated", "merged"),
    [
        ("flower_hat flower-hat", 0, 1),
        ("flower_hat flower-hat flower_(hat) solo", 0, 2),
        ("flower_hat flower-hat flower_hat flower-hat flower-hat", 3, 1),
        ("flower_hat flower_hat solo solo", 2, 0),
        ("new_hat other_hat", 0, 1),  # an unknown piece is spelled <unk>, whichever it is
        ("what_ever any_thing what_ever", 0, 0),  # unknown labels are counted as such
        ("flower_hat hat_flower", 0, 0),
    ],
)
def test_labels_spelled_alike_are_one_label_and_counted(vocabulary, batch, general, repeated, merged):
    posts = [{"general": "solo"}, {"general": general}, {"general": "flower-hat"}, {"general": general}]
    encoded = Encoder(vocabulary, 64).encode(batch(posts))
    assert (encoded.counts.repeated_tags, encoded.counts.merged_labels) == (2 * repeated, 2 * merged)
    spelled = decode_record(records(encoded)[1], vocabulary).spelled
    assert len({tuple(label) for label in spelled}) == len(spelled)


def test_names_are_compared_by_code_points(vocabulary, batch):
    encoded = Encoder(vocabulary, 64).encode(batch([{"artist": "a\u0308rtist"}, {"artist": "ärtist"}]))
    first, second = records(encoded)
    assert decode_record(first, vocabulary).names["artist"] == []
    assert decode_record(second, vocabulary).names["artist"] == ["ärtist"]


@pytest.mark.parametrize(("size", "kind"), [(1 << 16, "uint16"), ((1 << 16) + 1, "uint32")])
def test_the_width_follows_the_vocabulary(size, kind, batch):
    special = len(build_vocabulary({category: {} for category in SECTION_ORDER}))
    tags = {category: {} for category in SECTION_ORDER} | {"meta": {f"m{n}": 1 for n in range(size - special)}}
    vocabulary = build_vocabulary(tags)
    last = vocabulary.tokens[-1].name
    encoded = Encoder(vocabulary, 16).encode(batch([{"meta": last}]))
    assert encoded.tokens.dtype == kind
    assert decode_record(encoded.tokens, vocabulary).names["meta"] == [last]


def test_no_posts(vocabulary, batch):
    encoded = Encoder(vocabulary, 16).encode(batch([]))
    assert encoded.lengths.shape == (0,) and encoded.tokens.shape == (0,)


def test_large_strings_are_accepted(vocabulary, batch):
    posts = batch([{"general": "solo hat", "artist": "someone"}])
    large = pa.RecordBatch.from_arrays(
        [column.cast(pa.large_string()) if column.type == pa.string() else column for column in posts.columns],
        names=posts.schema.names,
    )
    encoder = Encoder(vocabulary, 64)
    assert encoder.encode(large).tokens.tolist() == encoder.encode(posts).tokens.tolist()


def test_a_maximum_length_too_short_for_a_record(vocabulary):
    with pytest.raises(UserError, match="max_length 15: too short"):
        Encoder(vocabulary, 15)


def test_ranges():
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert ranges(np.array([], np.int64), np.array([], np.int64)).tolist() == []


FILE_POSTS = [{"general": "solo hat " + "flower_hat " * (n % 3), "score": n, "artist": "someone" * (n % 2)} for n in range(100)]


def test_the_file_has_every_post_in_order_for_any_number_of_threads(
    posts_file, vocabulary, encode_tag_by_tag, tmp_path, monkeypatch
):
    monkeypatch.setattr("booruflow.tags.tag_columns.BATCH_ROWS", 7)
    contents = []
    for threads in (1, 3):
        path = tmp_path / f"{threads}" / "tokens.bin"
        statistics = write_tokens(posts_file(FILE_POSTS), vocabulary, path, 64, threads)
        contents.append((path.read_bytes(), path.with_suffix(".idx").read_bytes()))
    assert contents[0] == contents[1]
    tokens = TokenFile(path, vocabulary)
    assert [record.tolist() for record in tokens] == [encode_tag_by_tag(post, vocabulary) for post in FILE_POSTS]
    assert tokens.post_ids.tolist() == list(range(10, 110))
    assert statistics.counts.posts == 100 and statistics.counts.repeated_tags == 33


def test_a_token_file_without_posts(posts_file, vocabulary, tmp_path):
    write_tokens(posts_file([]), vocabulary, tmp_path / "t.bin", 16, 2)
    assert len(TokenFile(tmp_path / "t.bin", vocabulary)) == 0


def test_posts_out_of_order_are_refused(posts_file, vocabulary, tmp_path):
    with pytest.raises(UserError, match="post 3 is not above"):
        write_tokens(posts_file([{"id": 4}, {"id": 3}]), vocabulary, tmp_path / "t.bin", 16, 1)
    assert not (tmp_path / "t.bin").exists()


def test_a_killed_writer_leaves_the_old_files(posts_file, vocabulary, tmp_path):
    path = tmp_path / "tokens.bin"
    posts = posts_file(FILE_POSTS)
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    write_tokens(posts, vocabulary, path, 64, 1)
    before = path.read_bytes(), path.with_suffix(".idx").read_bytes()
    script = f"""
import time
from pathlib import Path
from booruflow.tokens import encoding, token_file
from booruflow.tokens.vocabulary import read_vocabulary
finish = token_file.TokenWriter.finish
def stop(self):
    finish(self)
    print("written", flush=True)
    time.sleep(60)
token_file.TokenWriter.finish = stop
folder = Path({str(tmp_path)!r})
encoding.write_tokens(folder / "posts.parquet", read_vocabulary(folder / "vocab.json"), folder / "tokens.bin", 16, 2)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "scripts")}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (path.read_bytes(), path.with_suffix(".idx").read_bytes()) == before
    write_tokens(posts, vocabulary, path, 64, 1)
    assert (path.read_bytes(), path.with_suffix(".idx").read_bytes()) == before
    assert not list(tmp_path.glob(".*"))


def test_the_example_in_the_documentation(posts_file, tmp_path):
    tags = {
        "general": {"1girl": 7, "solo": 6, "long_hair": 5, "twintails": 4, "flower": 3, "holding": 2, "basket": 1},
        "character": {"hatsune_miku": 1}, "copyright": {"vocaloid": 1}, "artist": {"someone": 1}, "meta": {"highres": 1},
    }  # fmt: skip
    posts = [
        {"id": 1042, "rating": "g", "general": "1girl"},
        {
            "id": 1043, "rating": "s", "general": "1girl holding_flower_basket long_hair solo twintails",
            "artist": "someone_rare", "character": "hatsune_miku", "copyright": "vocaloid", "meta": "highres",
        },
    ]  # fmt: skip
    write_tokens(posts_file(posts), build_vocabulary(tags), tmp_path / "tokens.bin", 256, 1)
    page = (Path(__file__).parents[3] / "docs" / "tokens.md").read_text()
    dump = re.findall(r"^ {4}[0-9a-f]{8}: ((?:[0-9a-f]{2,4} )+)", page, re.MULTILINE)
    assert bytes.fromhex("".join(dump)) == (tmp_path / "tokens.bin").read_bytes()
