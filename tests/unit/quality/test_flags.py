import json

import orjson
import polars as pl
import pytest
from caption_frames import caption_frame
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.idjson import write_entries
from booruflow.core.tables import write_stream
from booruflow.quality.captions import captions_by_origin, with_tags
from booruflow.quality.flags import checks, usual_kinds, write_counts, write_flags
from booruflow.quality.matching import FLAGS
from booruflow.quality.settings import FLAG_NAMES, Settings
from booruflow.sources.posts import POSTS_SCHEMA

SETTINGS = Settings(list(FLAG_NAMES), "By {artist}.", ["Describe the picture in structured json-like format."], 3)
ESTIMATES = {"clip": None, "t5": None}


def entries(path, values):
    frame = pl.DataFrame(
        {"id": list(values), "value": [orjson.dumps(value).decode() for value in values.values()]},
        schema={"id": pl.Int64, "value": pl.String},
    )
    write_entries(path, [frame])
    return path


@pytest.fixture
def posts(tmp_path):
    rows = pl.DataFrame(
        {
            "id": [1, 2, 3, 5],
            "general": ["1girl solo red_hair", "1boy solo", "no_humans", "2girls"],
            "character": ["", "a_b", "", ""],
        }
    )
    rows = rows.with_columns(**{name: pl.lit(None, dtype) for name, dtype in POSTS_SCHEMA.items() if name not in rows.columns})
    rows = rows.with_columns(copyright=pl.lit(""))
    write_stream(tmp_path / "posts.parquet", [rows], POSTS_SCHEMA)
    return tmp_path / "posts.parquet"


@pytest.fixture
def sources(tmp_path):
    base = entries(tmp_path / "base.json", {1: {"caption": "old"}, 2: {"caption": 'A "boy".\n'}})
    good = [
        entries(tmp_path / "good_0.json", {3: {"caption": "A lake.", "repaired": True}}),
        entries(tmp_path / "good_1.json", {5: {"caption": 'says "fallback":true', "fallback": True}}),
    ]
    return base, good, [entries(tmp_path / "fixed_0.json", {1: {"caption": "A girl with blue hair."}})]


def test_each_caption_has_the_origin_of_its_last_source(sources):
    assert pl.concat(captions_by_origin(*sources)).rows() == [
        (1, "A girl with blue hair.", "edited"),
        (2, 'A "boy".\n', "base"),
        (3, "A lake.", "generated"),
        (5, 'says "fallback":true', "fallback"),
    ]


def test_a_caption_that_a_person_took_away_is_not_checked(tmp_path, sources):
    base, good, _ = sources
    fixed = entries(tmp_path / "fixed_0.json", {2: {"caption": ""}, 3: {"caption": ""}})
    assert pl.concat(captions_by_origin(base, good, [fixed]))["id"].to_list() == [1, 5]


def test_a_caption_that_only_speaks_of_the_fallback_is_generated(tmp_path, sources):
    base, _, fixed = sources
    good = [entries(tmp_path / "good_0.json", {3: {"caption": 'the text ,"fallback":true'}})]
    assert dict(pl.concat(captions_by_origin(base, good, fixed)).select("id", "origin").iter_rows())[3] == "generated"


def test_tags_are_joined_and_empty_where_there_is_no_post(posts, tmp_path):
    base = entries(tmp_path / "base.json", {1: {"caption": "a"}, 4: {"caption": "b"}})
    rows = pl.concat(with_tags(captions_by_origin(base, [], []), posts))
    assert rows.select("id", "general", "people").rows() == [(1, "1girl solo red_hair", 1), (4, "", -1)]


def test_flags_and_counts(tmp_path, posts, sources):
    usual = usual_kinds(captions_by_origin(*sources), SETTINGS)
    run = checks(SETTINGS, usual, posts, ESTIMATES)
    found = write_flags(with_tags(captions_by_origin(*sources), posts), SETTINGS.flags, run, tmp_path / "flags.parquet")
    table = pl.read_parquet(tmp_path / "flags.parquet")
    assert table.schema == FLAGS
    assert table.rows() == [(1, "colour_hair", "blue hair (tags: red_hair)")]
    write_counts(tmp_path / "counts.json", *found, usual, ESTIMATES)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts["captions"] == {"base": 1, "edited": 1, "fallback": 1, "generated": 1}
    assert counts["flags"] == {flag: {"edited": 1} if flag == "colour_hair" else {} for flag in FLAG_NAMES}
    assert counts["tokens"] == {"clip": "estimated", "t5": "estimated"}


def test_only_wanted_flags_are_written(tmp_path, posts, sources):
    settings = Settings(["colour_eyes"], "", [], 0)
    assert usual_kinds(captions_by_origin(*sources), settings) == {}
    run = checks(settings, {}, posts, ESTIMATES)
    checked, flagged = write_flags(
        with_tags(captions_by_origin(*sources), posts), settings.flags, run, tmp_path / "flags.parquet"
    )
    assert len(run) == 1 and flagged == {"colour_eyes": {}} and sum(checked.values()) == 4
    assert pl.read_parquet(tmp_path / "flags.parquet").is_empty()


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "",
        " ",
        "\n" * 99,
        "A girl with red hair and",
        "two girls, ",
        '"“「',
        "the . " * 99,
        "é" * 999,
        "Ａ ｇｉｒｌ",
        "🌊",
        "\u202eabc\x00",
    ]
)


@given(
    st.lists(
        st.tuples(
            st.lists(ANY_TEXT, max_size=4).map("".join), st.sampled_from(["", "1girl solo blue_hair", "2girls", "no_humans"])
        )
    )
)
def test_any_text_can_be_checked(tmp_path_factory, rows):
    frame = caption_frame(*rows, character="hatsune_miku")
    posts = tmp_path_factory.getbasetemp() / "posts.parquet"
    if not posts.exists():
        names = pl.DataFrame({name: pl.Series([None], dtype=dtype) for name, dtype in POSTS_SCHEMA.items()})
        write_stream(posts, [names.with_columns(id=1, character=pl.lit("hatsune_miku"), copyright=pl.lit(""))], POSTS_SCHEMA)
    for check in checks(SETTINGS, usual_kinds([frame], SETTINGS), posts, ESTIMATES):
        flags = check(frame)
        assert flags.schema == FLAGS
        assert flags.null_count().sum_horizontal().sum() == 0
        assert not flags.select("id", "flag").is_duplicated().any()


@pytest.mark.parametrize("unit", ["A girl. ", "word ", "x", "two girls ", '"', "A girl with red hair, ", "あ", "\n"])
def test_a_caption_of_a_megabyte_is_checked(posts, unit):
    frame = caption_frame((unit * ((1 << 20) // len(unit.encode())), "1girl solo blue_hair"))
    for check in checks(SETTINGS, {}, posts, ESTIMATES):
        check(frame)
