import random

import polars as pl
import pytest

from booruflow.captioning.prompts import traits
from booruflow.captioning.prompts.traits import MAX_TAGS, MIN_POSTS, read_traits, write_traits
from booruflow.core.errors import UserError
from booruflow.core.tables import write_stream

SCHEMA = {"id": pl.Int64, "character": pl.String, "general": pl.String}


def found(tmp_path, posts, frame_rows=1000):
    """The traits of posts, each a pair of character tags and general tags."""
    rows = pl.DataFrame([(number, *post) for number, post in enumerate(posts)], schema=SCHEMA, orient="row")
    write_stream(tmp_path / "posts.parquet", rows.iter_slices(frame_rows), SCHEMA)
    count = write_traits(tmp_path / "traits.parquet", tmp_path / "posts.parquet")
    result = read_traits(tmp_path / "traits.parquet")
    assert count == len(result) and list(result) == sorted(result)
    return result


OTHERS = [("", "1girl solo long_hair")] * 200 + [("", "1girl hat")] * 20


def test_tags_that_go_with_a_character_far_more_often_than_without(tmp_path):
    miku = [("miku", "1girl solo twintails blue_hair")] * 15 + [("miku", "1girl long_hair twintails hat")] * 10
    assert found(tmp_path, miku + OTHERS) == {"miku": ["blue_hair", "hat", "twintails"]}


def test_common_tags_rare_tags_and_rare_characters_are_left_out(tmp_path):
    miku = [("miku", "1girl solo twintails")] * 20 + [("miku", "1girl leek")] * 5
    assert found(tmp_path, miku + [("rin", "bow")] * (MIN_POSTS - 1) + OTHERS) == {"miku": ["twintails"]}


def test_posts_of_several_characters_tell_nothing_of_either(tmp_path):
    pair = [("miku rin", "2girls bow twintails")] * 50
    assert found(tmp_path, pair + [("miku", "twintails")] * 40 + OTHERS * 3) == {"miku": ["twintails"]}


def test_the_most_telling_ones_in_alphabetical_order(tmp_path):
    tags = [f"trait_{number:02d}" for number in range(20)]
    posts = [("a", " ".join(tags[: 8 + number % 13])) for number in range(60)]
    result = found(tmp_path, posts + OTHERS * 5)
    assert result == {"a": tags[:MAX_TAGS]}


def test_a_tag_that_a_post_has_twice_counts_once(tmp_path):
    posts = [("a", "hat hat")] * 5 + [("a", "coat")] * 20
    assert found(tmp_path, posts + [("", "x")] * 200) == {"a": ["coat"]}


def test_no_posts_no_characters_no_tags(tmp_path):
    assert found(tmp_path, []) == {}
    assert found(tmp_path, [("", "")] * 30) == {}
    assert found(tmp_path, [("a", "")] * 30) == {}


def test_the_bytes_do_not_depend_on_frames_and_blocks(tmp_path, monkeypatch):
    rng = random.Random(1)
    names, tags = [f"c{n}" for n in range(12)], [f"t{n}" for n in range(60)]
    posts = []
    for _ in range(3000):
        name = rng.choice(names)
        own = tags[names.index(name) * 3 :][:4]
        posts.append((name, " ".join({*rng.sample(tags, 5), *rng.sample(own, 2)})))
    expected = found(tmp_path, posts)
    first = (tmp_path / "traits.parquet").read_bytes()
    monkeypatch.setattr(traits, "PAIRS_AT_ONCE", 100)
    assert found(tmp_path, posts, frame_rows=77) == expected and len(expected) == 12
    assert (tmp_path / "traits.parquet").read_bytes() == first
    reads, read_stream = [], traits.read_stream
    monkeypatch.setattr(traits, "read_stream", lambda *place: (reads.append(place), read_stream(*place))[1])
    for pairs in (1, 200):
        monkeypatch.setattr(traits, "MAX_PAIRS", pairs)
        assert found(tmp_path, posts, frame_rows=77) == expected
        assert (tmp_path / "traits.parquet").read_bytes() == first
        # counting tags, the ranges, and `found` itself
        assert (len(reads) == 1 + 12 + 1) if pairs == 1 else (4 < len(reads) < 10)
        reads.clear()


def test_traits_are_the_counts_of_a_plain_loop(tmp_path):
    rng = random.Random(2)
    tags = [f"t{n}" for n in range(30)]
    posts = [(rng.choice(["a", "b", "c", ""]), " ".join(rng.sample(tags, rng.randint(0, 6)))) for _ in range(900)]
    posts += [("a", "t1 t2 t3")] * 150 + [("b", "t4")] * 90
    expected = {}
    for name in ("a", "b", "c"):
        own = [general.split() for character, general in posts if character == name]
        other = [general.split() for character, general in posts if character != name]
        chosen = []
        for tag in tags:
            share = sum(tag in general for general in own) / len(own)
            elsewhere = (sum(tag in general for general in other) + 1) / (len(other) + 1)
            chosen += [tag] if share >= 0.3 and share / elsewhere >= 4 else []
        if chosen:
            expected[name] = sorted(chosen)
    assert found(tmp_path, posts) == expected and set(expected) == {"a", "b"}


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "traits.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"traits\.parquet"):
        read_traits(tmp_path / "traits.parquet")
