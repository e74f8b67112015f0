import pickle
import struct

import numpy as np
import pytest

from booruflow.core.errors import UserError
from booruflow.tokens.token_file import TokenFile, token_writer
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary


@pytest.fixture
def written(vocabulary, tmp_path):
    def write(records, ids=None):
        path = tmp_path / "tokens.bin"
        with token_writer(path, vocabulary, len(records)) as writer:
            for number, record in enumerate(records):
                post_id = 3 * number if ids is None else ids[number]
                writer.append(np.array([post_id]), np.array([len(record)]), np.array(record, "<u2"))
        return path

    return write


RECORDS = [[1, 20, 2], [1, 2], [1, 21, 22, 23, 2]]


def test_records_are_read_as_they_were_written(written, vocabulary):
    tokens = TokenFile(written(RECORDS), vocabulary)
    tokens.verify()
    assert [record.tolist() for record in tokens] == RECORDS
    assert tokens[-1].tolist() == RECORDS[2]
    assert tokens.post_ids.tolist() == [0, 3, 6]
    assert (len(tokens), tokens.header.width, tokens.header.tokens) == (3, 16, 10)
    assert tokens.find(6) == 2
    for missing in (1, 7):
        with pytest.raises(KeyError):
            tokens.find(missing)
    with pytest.raises(IndexError):
        tokens[3]


def test_the_bytes_of_the_header(written, vocabulary):
    path = written(RECORDS)
    data = path.read_bytes()
    assert struct.unpack_from("<8sIIQQ32s", data) == (b"BOORUTOK", 1, 16, 3, 10, vocabulary.digest)
    assert len(data) == 96 + 2 * 10
    index = path.with_suffix(".idx").read_bytes()
    assert index[:8] == b"BOORUIDX" and index[8:96] == data[8:96]
    assert struct.unpack_from("<4Q3q", index, 96) == (0, 3, 5, 10, 0, 3, 6)
    assert len(index) == 96 + 8 * 7


def test_no_records(written, vocabulary):
    tokens = TokenFile(written([]), vocabulary)
    tokens.verify()
    assert len(tokens) == 0 and list(tokens) == []


def records_from(tokens, position, bos):
    """The complete records from any position on, without an index, as other readers of the format may do."""
    chunk = 1 << 20
    start = None
    for low in range(position, tokens.size, chunk):
        for found in low + np.flatnonzero(tokens[low : low + chunk] == bos):
            if start is not None:
                yield tokens[start:found]
            start = found
    if start is not None:
        yield tokens[start:]


def test_reading_from_any_position(written, vocabulary):
    tokens = TokenFile(written(RECORDS), vocabulary).tokens
    for position, first in [(0, 0), (1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (10, 3)]:
        assert [record.tolist() for record in records_from(tokens, position, bos=1)] == RECORDS[first:]


def test_reading_over_many_chunks():
    tokens = np.tile(np.array([1, 7, 7, 2], "<u2"), 600_000)
    found = list(records_from(tokens, 2, bos=1))
    assert len(found) == 599_999
    assert {len(record) for record in found} == {4}


def test_pickled_as_its_path(written, vocabulary):
    tokens = pickle.loads(pickle.dumps(TokenFile(written(RECORDS), vocabulary)))
    assert tokens[2].tolist() == RECORDS[2]


def change(path, at, value):
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("suffix", "damage", "message"),
    [
        (".bin", lambda path: change(path, 0, b"X"), "begins with b'XOORUTOK'"),
        (".bin", lambda path: change(path, 8, b"\x02"), "version 2 with 16 bits"),
        (".bin", lambda path: change(path, 12, b"\x11"), "version 1 with 17 bits"),
        (".bin", lambda path: change(path, 24, b"\x0b"), "20 bytes of tokens, not 22"),
        (".bin", lambda path: change(path, 32, b"\x00\x00"), "made with another vocabulary"),
        (".bin", lambda path: path.write_bytes(path.read_bytes()[:-1]), "19 bytes of tokens, not 20"),
        (".bin", lambda path: path.write_bytes(path.read_bytes()[:95]), "truncated within the header"),
        (".bin", lambda path: path.write_bytes(b""), "tokens.bin: empty"),
        (".bin", lambda path: path.unlink(), "no such file"),
        (".idx", lambda path: path.unlink(), "tokens.idx: no such file"),
        (".idx", lambda path: change(path, 64, b"\x00\x00"), "belongs to another token file"),
        (".idx", lambda path: path.write_bytes(path.read_bytes()[:-8]), "48 bytes, not 56"),
    ],
)
def test_damaged_files_are_refused_in_one_line(written, vocabulary, suffix, damage, message):
    path = written(RECORDS)
    damage(path.with_suffix(suffix))
    with pytest.raises(UserError, match=message) as caught:
        TokenFile(path, vocabulary)
    assert "\n" not in str(caught.value)


def test_changed_tokens_are_detected(written, vocabulary):
    path = written(RECORDS)
    change(path, 100, b"\x07")
    with pytest.raises(UserError, match="have changed since"):
        TokenFile(path, vocabulary).verify()


def test_another_vocabulary_is_refused(written):
    other = build_vocabulary({category: {} for category in SECTION_ORDER})
    with pytest.raises(UserError, match="made with another vocabulary"):
        TokenFile(written(RECORDS), other)


@pytest.mark.parametrize("ids", [[1, 1, 2], [5, 4, 6], [-1, 0, 1]])
def test_post_ids_must_ascend(written, ids):
    with pytest.raises(UserError, match="is not above the previous one"):
        written(RECORDS, ids=ids)


def test_a_writer_that_fails_leaves_the_old_files(written, vocabulary):
    path = written(RECORDS)
    before = path.read_bytes(), path.with_suffix(".idx").read_bytes()
    with pytest.raises(UserError):
        written(RECORDS[::-1], ids=[2, 1, 0])
    assert (path.read_bytes(), path.with_suffix(".idx").read_bytes()) == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["tokens.bin", "tokens.idx"]
