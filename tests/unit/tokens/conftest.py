"""Small posts and vocabularies, and a simple reference encoder that works tag by tag."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from booruflow.tokens.spelling import pieces
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary

SCHEMA = pa.schema(
    [("id", pa.int64()), ("rating", pa.string()), ("score", pa.int32()), *((name, pa.string()) for name in SECTION_ORDER)]
)


@pytest.fixture(scope="session")
def table():
    def build(posts):
        rows = [{"id": n, "rating": "g", **post} for n, post in enumerate(posts, start=10)]
        return pa.table({name: [row.get(name) for row in rows] for name in SCHEMA.names}, SCHEMA)

    return build


@pytest.fixture
def posts_file(table, tmp_path):
    def write(posts) -> Path:
        pq.write_table(table(posts), tmp_path / "posts.parquet")
        return tmp_path / "posts.parquet"

    return write


@pytest.fixture(scope="session")
def batch(table):
    def build(posts):
        return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table(posts).columns], schema=SCHEMA)

    return build


@pytest.fixture(scope="session")
def vocabulary():
    tags = {
        "general": {"1girl": 90, "solo": 80, "long_hair": 70, "hat": 5, "flower": 4, "cosplay": 3, "^_^": 2, "shared": 1},
        "character": {"hatsune_miku": 9, "saber": 8},
        "copyright": {"vocaloid": 9},
        "artist": {"someone": 7, "ärtist": 6, "shared": 5},
        "meta": {"highres": 50},
    }
    return build_vocabulary(tags, score_edges=[0, 10])


@pytest.fixture(scope="session")
def encode_tag_by_tag():
    """Encode one post with Python loops."""

    def encode(post, vocabulary):
        special, unk = vocabulary.special, vocabulary.special["unk"]
        ids = [special["bos"], special.get(f"rating:{post.get('rating', 'g')}", unk)]
        if vocabulary.score_edges:
            score = post.get("score")
            ids.append(unk if score is None else vocabulary.score_ids[sum(score >= edge for edge in vocabulary.score_edges)])
        for category in SECTION_ORDER:
            ids.append(special[category])
            whole, spelled, unknown = set(), set(), False
            for name in (post.get(category) or "").split():
                if name in vocabulary.ids[category]:
                    whole.add(vocabulary.ids[category][name])
                    continue
                label = [None]
                if category == "general" and len(pieces(name)) > 1:
                    found = [vocabulary.piece_ids.get(piece) for piece in pieces(name)]
                    label = [n for i, n in enumerate(found) if n is not None or i == 0 or found[i - 1] is not None]
                if label == [None]:
                    unknown = True
                else:
                    spelled.add(tuple(10**9 if n is None else n for n in label))
            end = [special["delimiter"]] if category == "general" else []
            for number in sorted(whole):
                ids += [number, *end]
            for label in sorted(spelled):
                ids += [unk if n == 10**9 else n for n in label] + end
            ids += [unk, *end] if unknown else []
        return [*ids, special["eos"]]

    return encode
