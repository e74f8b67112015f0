import json

import pytest

from booruflow.core.errors import UserError
from booruflow.tokens import CATEGORIES
from booruflow.tokens.vocabulary import read_vocabulary, vocabulary_of, write_vocabulary

EMPTY = {category: {} for category in CATEGORIES}


def test_special_tokens_come_first_then_categories_each_by_count(vocabulary):
    assert vocabulary.texts[:6] == ["<pad>", "<s>", "</s>", "<unk>", "<mask>", ","]
    assert vocabulary.special["pad"] == 0
    names = [(token.category, token.name) for token in vocabulary.tokens[len(vocabulary.special) :]]
    assert names[:4] == [("character", "hatsune_miku"), ("character", "saber"), ("copyright", "vocaloid"), ("artist", "someone")]
    assert names[-1] == ("meta", "highres")


def test_ties_by_name():
    tags = {**EMPTY, "general": {"b": 1, "a": 1, "c": 2}}
    assert vocabulary_of(tags).texts[-3:] == ["c", "a", "b"]


def test_a_name_in_two_categories_is_told_apart(vocabulary):
    assert "shared" in vocabulary.texts and "general:shared" in vocabulary.texts
    tags = {**EMPTY, "general": {"<s>": 1}}
    assert vocabulary_of(tags).texts[-1] == "general:<s>"


def test_two_tokens_written_alike_are_refused():
    tags = {**EMPTY, "artist": {"a": 1, "general:a": 1}, "general": {"a": 1}}
    with pytest.raises(UserError, match="written alike"):
        _ = vocabulary_of(tags).texts


def test_score_buckets():
    assert list(vocabulary_of(EMPTY, [-5, 0, 10]).special)[-4:] == ["score:..-6", "score:-5..-1", "score:0..9", "score:10.."]
    assert vocabulary_of(EMPTY).score_ids == []
    with pytest.raises(UserError, match=r"score_edges \[5, 5\]: must ascend"):
        vocabulary_of(EMPTY, [5, 5])


def test_what_is_written_is_read(vocabulary, tmp_path):
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    again = read_vocabulary(tmp_path / "vocab.json")
    assert again == vocabulary and again.digest == vocabulary.digest
    assert (tmp_path / "vocab.txt").read_text().split("\n")[:-1] == vocabulary.texts
    table = json.loads((tmp_path / "vocab.json").read_text())
    assert table["tokens"][vocabulary.ids["artist"]["ärtist"]] == {
        "id": vocabulary.ids["artist"]["ärtist"], "name": "ärtist", "category": "artist", "count": 6,
    }  # fmt: skip
    assert table["special"]["mask"] == 4


def test_names_with_line_separators_of_unicode_stay_one_line(tmp_path):
    vocabulary = vocabulary_of({**EMPTY, "general": {"a\u2028b": 2, "c\x85d": 1}})
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    assert (tmp_path / "vocab.txt").read_bytes().count(b"\n") == len(vocabulary)
    assert read_vocabulary(tmp_path / "vocab.json") == vocabulary


def test_the_digest_tells_categories_and_counts_apart():
    digests = {vocabulary_of({**EMPTY, category: {"a": count}}).digest for category in ("artist", "general") for count in (1, 2)}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-30], "damaged"),
        (lambda text: text.replace('"tokens"', '"token"'), "not a vocabulary"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "of another format or edited"),
        (lambda text: text.replace('"pad": 0', '"pad": 1'), "of another format or edited"),
        (lambda text: text.replace('"someone", "category": "artist"', '"someone", "category": "general"'), "edited"),
        (lambda text: text.replace('"someone", "category": "artist"', '"someone", "category": "x"'), "not a vocabulary"),
    ],
)
def test_damaged_files(change, message, vocabulary, tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(change(vocabulary.to_json().decode()))
    with pytest.raises(UserError, match=message):
        read_vocabulary(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="make the vocabulary first"):
        read_vocabulary(tmp_path / "vocab.json")
