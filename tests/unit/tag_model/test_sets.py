import numpy as np
import polars as pl
import pytest
from debian_sets import tag_sets

from booruflow.core.errors import UserError
from booruflow.tag_model import sets as tag_sets_module
from booruflow.tag_model.sets import concatenate, open_token_file, post_sets, read_tags, tag_vocabulary, write_tags
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary, write_vocabulary

ROWS = [["a::x", "b::y", "a::x"], [], ["b::z", "ünï::täg"]]

TAGS = {
    "general": {"1girl": 9, "solo": 8, "red": 3, "hat": 3, "^_^": 2},
    "character": {"hatsune_miku": 3},
    "artist": {"solo": 2},
    "copyright": {},
    "meta": {"highres": 4},
}
POSTS = [
    {"general": "1girl 1girl red_hat hat unheard_of", "character": "hatsune_miku", "rating": "g", "score": 3},
    {"general": "", "rating": "x", "score": 0},
    {"general": "^_^ solo", "artist": "solo", "meta": "highres", "rating": "e", "score": 50},
]


@pytest.fixture
def folder(tmp_path):
    columns = dict.fromkeys(SECTION_ORDER, "")
    rows = [{"id": 10 + number, **columns, **post} for number, post in enumerate(POSTS)]
    schema = {"id": pl.Int64, "score": pl.Int32}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(tmp_path / "posts.parquet")
    vocabulary = build_vocabulary(TAGS, [10])
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    write_tokens(tmp_path / "posts.parquet", vocabulary, tmp_path / "tokens.bin", 64, threads=1)
    return tmp_path


@pytest.mark.parametrize("part", [1, 2, 100])
def test_sets_of_a_token_file(folder, monkeypatch, part):
    monkeypatch.setattr(tag_sets_module, "POSTS_PER_PART", part)
    sets = concatenate(list(post_sets(open_token_file(folder / "tokens.bin", folder / "vocab.json"))))
    vocabulary = sets.vocabulary
    names = [{vocabulary.names[token] for token in sets.take(np.array([row])).tokens} for row in range(len(sets))]
    assert names == [
        {"1girl", "red", "hat", "hatsune_miku", "rating:g", "score:..9"},
        {"score:..9"},
        {"^_^", "solo", "general:solo", "highres", "rating:e", "score:10.."},
    ]
    assert sets.sizes.tolist() == [6, 1, 6]
    assert sets.ids.tolist() == sets.groups.tolist() == [10, 11, 12]
    category = {name: vocabulary.categories[number] for name, number in zip(vocabulary.names, vocabulary.category, strict=True)}
    assert category["rating:g"] == "rating" and category["score:..9"] == "score"
    assert category["1girl"] == "general" and category["<s>"] == "special"
    assert "copyright" not in vocabulary.categories


def test_tags_among_the_ids_of_a_record(folder):
    file = open_token_file(folder / "tokens.bin", folder / "vocab.json")
    sets = next(post_sets(file))
    assert sets.vocabulary.tags_among(file[0]) == sets.take(np.array([0])).tokens.tolist()


def test_a_model_of_another_vocabulary_is_refused(folder):
    vocabulary = next(post_sets(open_token_file(folder / "tokens.bin", folder / "vocab.json"))).vocabulary
    write_vocabulary(build_vocabulary({**TAGS, "meta": {}}), folder / "vocab.txt", folder / "other.json")
    open_token_file(folder / "tokens.bin", folder / "vocab.json", vocabulary)
    with pytest.raises(UserError, match=r"other.json: not the vocabulary that the model was trained with"):
        open_token_file(folder / "tokens.bin", folder / "other.json", vocabulary)


def names(sets):
    vocabulary = sets.vocabulary
    return [
        [vocabulary.names[token] for token in sets.tokens[start:stop]]
        for start, stop in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)
    ]


def test_take_keeps_the_order_of_the_argument():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    taken = sets.take(np.array([2, 0, 2, 1]))
    assert names(taken) == [names(sets)[i] for i in (2, 0, 2, 1)]
    assert taken.ids.tolist() == ["r", "p", "r", "q"]
    assert names(sets.take(slice(1, 9))) == names(sets)[1:]


def test_filtering_tags_may_empty_a_set():
    sets = tag_sets(ROWS, ["p", "q", "r"], ["s", "s", "t"])
    assert names(sets.filter_tags(np.array([False, False, True, False]))) == [[], [], ["b::z"]]


def test_tags_are_read_as_they_were_written(tmp_path):
    vocabulary = tag_vocabulary(build_vocabulary({**TAGS, "general": {"a\u2028b": 7, "ünï": 2}}))
    write_tags(tmp_path / "tags.tsv", vocabulary)
    read_names, categories, counts = read_tags(tmp_path / "tags.tsv")
    assert tuple(read_names) == vocabulary.names and counts == vocabulary.counts.tolist()
    assert categories == [vocabulary.categories[number] for number in vocabulary.category]


def test_missing_and_damaged_tags_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"tags.tsv: missing"):
        read_tags(tmp_path / "tags.tsv")
    (tmp_path / "tags.tsv").write_text("id\tname\tcategory\tcount\n0\ta\tb\n")
    with pytest.raises(UserError, match=r"tags.tsv: damaged"):
        read_tags(tmp_path / "tags.tsv")
