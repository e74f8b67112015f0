import numpy as np
import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.tag_model import corpus
from booruflow.tag_model.corpus import open_posts, posts
from booruflow.tag_model.sets import joined
from booruflow.tokens import CATEGORIES
from booruflow.tokens.corpus import write_tokens
from booruflow.tokens.vocabulary import vocabulary_of, write_vocabulary

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
    columns = dict.fromkeys(CATEGORIES, "")
    rows = [{"id": 10 + number, **columns, **post} for number, post in enumerate(POSTS)]
    schema = {"id": pl.Int64, "score": pl.Int32}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(tmp_path / "posts.parquet")
    vocabulary = vocabulary_of(TAGS, [10])
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    write_tokens(tmp_path / "posts.parquet", vocabulary, tmp_path / "tokens.bin", 64, threads=1)
    return tmp_path


@pytest.mark.parametrize("part", [1, 2, 100])
def test_sets_of_a_token_file(folder, monkeypatch, part):
    monkeypatch.setattr(corpus, "PART", part)
    sets = joined(list(posts(open_posts(folder / "tokens.bin", folder / "vocab.json"))))
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
    file = open_posts(folder / "tokens.bin", folder / "vocab.json")
    sets = next(posts(file))
    assert sets.vocabulary.tags_among(file[0]) == sets.take(np.array([0])).tokens.tolist()


def test_a_model_of_another_vocabulary_is_refused(folder):
    vocabulary = next(posts(open_posts(folder / "tokens.bin", folder / "vocab.json"))).vocabulary
    write_vocabulary(vocabulary_of({**TAGS, "meta": {}}), folder / "vocab.txt", folder / "other.json")
    open_posts(folder / "tokens.bin", folder / "vocab.json", vocabulary)
    with pytest.raises(UserError, match=r"other.json: not the vocabulary that the model was trained with"):
        open_posts(folder / "tokens.bin", folder / "other.json", vocabulary)
