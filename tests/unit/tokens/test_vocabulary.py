import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tokens.vocabulary import (
    SECTION_ORDER,
    build_vocabulary,
    read_vocabulary,
    select_tags,
    special_names,
    summary_lines,
    threshold_for_size,
    write_vocabulary,
)

EMPTY = {category: {} for category in SECTION_ORDER}


def test_special_tokens_come_first_then_categories_each_by_count(vocabulary):
    assert vocabulary.texts[:6] == ["<pad>", "<s>", "</s>", "<unk>", "<mask>", ","]
    assert vocabulary.special["pad"] == 0
    names = [(token.category, token.name) for token in vocabulary.tokens[len(vocabulary.special) :]]
    assert names[:4] == [("character", "hatsune_miku"), ("character", "saber"), ("copyright", "vocaloid"), ("artist", "someone")]
    assert names[-1] == ("meta", "highres")


def test_ties_by_name():
    tags = {**EMPTY, "general": {"b": 1, "a": 1, "c": 2}}
    assert build_vocabulary(tags).texts[-3:] == ["c", "a", "b"]


def test_a_name_in_two_categories_has_two_texts(vocabulary):
    assert "shared" in vocabulary.texts and "general:shared" in vocabulary.texts
    tags = {**EMPTY, "general": {"<s>": 1}}
    assert build_vocabulary(tags).texts[-1] == "general:<s>"


def test_two_tokens_with_the_same_text_are_refused():
    tags = {**EMPTY, "artist": {"a": 1, "general:a": 1}, "general": {"a": 1}}
    with pytest.raises(UserError, match="have the same text"):
        _ = build_vocabulary(tags).texts


def test_score_buckets():
    assert list(build_vocabulary(EMPTY, [-5, 0, 10]).special)[-4:] == ["score:..-6", "score:-5..-1", "score:0..9", "score:10.."]
    assert build_vocabulary(EMPTY).score_ids == []
    with pytest.raises(UserError, match=r"score_edges \[5, 5\]: must ascend"):
        build_vocabulary(EMPTY, [5, 5])


def test_a_vocabulary_is_read_as_it_was_written(vocabulary, tmp_path):
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
    vocabulary = build_vocabulary({**EMPTY, "general": {"a\u2028b": 2, "c\x85d": 1}})
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    assert (tmp_path / "vocab.txt").read_bytes().count(b"\n") == len(vocabulary)
    assert read_vocabulary(tmp_path / "vocab.json") == vocabulary


def test_the_digest_depends_on_categories_and_counts():
    digests = {
        build_vocabulary({**EMPTY, category: {"a": count}}).digest for category in ("artist", "general") for count in (1, 2)
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-30], "damaged"),
        (lambda text: text.replace('"tokens"', '"token"'), "not a vocabulary"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "of another format, or edited"),
        (lambda text: text.replace('"pad": 0', '"pad": 1'), "of another format, or edited"),
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
    with pytest.raises(UserError, match="no such file: run the rule vocab"):
        read_vocabulary(tmp_path / "vocab.json")


COUNTS = {
    "general": {"1girl": 100, "red_hat": 6, "blue_hat": 5, "hat": 4, "miku_(cosplay)": 8, "fate_(x)": 9},
    "artist": {"rare": 9, "known": 10, "hat": 50},
    "character": {"miku": 10},
    "copyright": {"fate": 10},
    "meta": {},
}


def test_tags_at_the_threshold_and_pieces_of_the_others():
    kept = select_tags(COUNTS, dict.fromkeys(SECTION_ORDER, 10))
    assert kept == {
        # hat: 6 + 5 times a piece and 4 times itself; miku and fate have tokens already; red, blue, cosplay are too rare
        "general": {"1girl": 100, "hat": 15},
        "artist": {"known": 10, "hat": 50},
        "character": {"miku": 10},
        "copyright": {"fate": 10},
        "meta": {},
    }


def test_a_vocabulary_without_a_tag_is_a_warning():
    least = dict.fromkeys(SECTION_ORDER, 101)
    warning, line = summary_lines(build_vocabulary(select_tags(COUNTS, least)), least)
    assert warning.startswith("warning: the vocabulary holds no tag, since none is on so many posts: lower tokens.min_count")
    assert line.startswith("15 tokens in the vocabulary; posts that a tag needs: 101 (character), 101 (copyright)")
    least["general"] = 100
    assert len(list(summary_lines(build_vocabulary(select_tags(COUNTS, least)), least))) == 1


def test_a_threshold_per_category():
    kept = select_tags(COUNTS, {**dict.fromkeys(SECTION_ORDER, 10), "artist": 9, "general": 101})
    assert set(kept["artist"]) == {"rare", "known", "hat"}
    assert kept["general"] == {}


names = st.sampled_from(["a_bcde", "bcde", "a_bcde_x", "xyz_w", "wwww_w", "q", "bcde_(cosplay)", "a_xyz"])


@given(
    st.fixed_dictionaries({category: st.dictionaries(names, st.integers(1, 50)) for category in SECTION_ORDER}),
    st.integers(0, 20),
)
def test_the_size_is_kept_and_filled(counts, room):
    size = len(special_names([])) + room

    def tokens(threshold):
        return sum(map(len, select_tags(counts, dict.fromkeys(SECTION_ORDER, threshold)).values()))

    threshold = threshold_for_size(counts, size)
    assert tokens(threshold) <= room
    if room >= tokens(1):
        assert threshold == 1


def test_a_size_below_the_special_tokens():
    with pytest.raises(UserError, match="vocabulary size 5: 15 special tokens do not fit"):
        threshold_for_size(COUNTS, 5)
