"""A whole policy on small posts."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tags.quality import cutoffs
from booruflow.tags.tags import PARTS, TAGS_SCHEMA, PolicyTags, tags_line

NO_CUTOFFS = cutoffs((), {}, 1)


@pytest.fixture(scope="session")
def lines(policy, batch):
    """The lines of posts under a policy, and their tags by category."""

    def apply(posts, **section):
        chosen = policy(**section)
        tags, names = PolicyTags(chosen, NO_CUTOFFS, with_names=True).apply(batch(posts))
        assert tags.schema == pl.Schema(TAGS_SCHEMA)
        line = tags_line(chosen["order"], chosen["separator"], chosen["divider"])
        return tags.select(line).to_series().to_list(), names

    return apply


@pytest.fixture
def table(tmp_path):
    """A table of aliases or implications."""

    def write(name, **relations):
        rows = [f"{old},{new}\n" for old, targets in relations.items() for new in targets.split()]
        (tmp_path / name).write_text("antecedent_name,consequent_name\n" + "".join(rows))
        return [str(tmp_path / name)]

    return write


def general(lines, tags, **section):
    return lines([{"general": tags}], **section)[0][0]


def test_without_rules_tags_stay_as_they_are(lines):
    posts = [{"general": "1girl ^_^ red_hair", "artist": "b", "meta": "highres"}, {}, {"character": "c_(d)"}]
    assert lines(posts)[0] == ["b, 1girl, ^_^, red_hair, highres", None, "c_(d)"]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"drop": ["red_hair"]}, "1girl, hair, long_hair, x_request"),
        ({"drop": ["*hair"], "keep": ["long_*"]}, "1girl, long_hair, x_request"),
        ({"drop": ["meta:*_request"]}, "1girl, hair, long_hair, red_hair, x_request"),
        ({"drop": ["*"]}, None),
        ({"drop_less_specific": True}, "1girl, long_hair, red_hair, x_request"),
        ({"drop_less_specific": True, "keep": ["hair"]}, "1girl, hair, long_hair, red_hair, x_request"),
        ({"rename": {"red_hair": "ginger_hair"}}, "1girl, hair, long_hair, ginger_hair, x_request"),
        ({"rename": {"red_hair": "hair"}}, "1girl, hair, long_hair, x_request"),
        ({"rename": {"*_hair": "*_haired"}}, "1girl, hair, long_haired, red_haired, x_request"),
        ({"rename": {"a": "b", "red_hair": "a"}, "drop": ["artist:b"]}, "1girl, hair, long_hair, b, x_request"),
        ({"rename": {"red_hair": "a"}, "drop": ["a"]}, "1girl, hair, long_hair, x_request"),
        ({"underscores": "space", "separator": " / "}, "1girl / hair / long hair / red hair / x request"),
        ({"templates": {"general": "<{}>"}, "drop": ["*hair", "x*"]}, "<1girl>"),
    ],
)
def test_one_rule(lines, section, expected):
    assert general(lines, "1girl hair long_hair red_hair x_request", **section) == expected


def test_aliases_and_implications(lines, table):
    aliases = table("a.csv", ginger="red_hair", red_locks="ginger", **{"1g": "1girl"})
    implications = table("i.csv", red_hair="coloured_hair", coloured_hair="hair", ginger="warm")
    section = {"aliases": aliases, "implications": implications}
    assert general(lines, "1g red_locks solo", aliases=aliases) == "1girl, red_hair, solo"
    assert general(lines, "red_locks red_hair", aliases=aliases) == "red_hair"
    assert general(lines, "a red_locks b", **section, implied="add") == "a, red_hair, b, coloured_hair, hair, warm"
    assert general(lines, "hair a ginger", **section, implied="add", drop=["warm"]) == "hair, a, red_hair, coloured_hair"
    assert general(lines, "a hair ginger warm", **section, implied="remove") == "a, red_hair"
    assert general(lines, "hair ginger", **section, implied="remove", keep=["hair"]) == "hair, red_hair"
    assert general(lines, "hair ginger", **section, implied="remove", drop=["ginger"]) == "hair"
    assert general(lines, "ginger", aliases=aliases, rename={"ginger": "copper"}) == "copper"


def test_counts_of_people_are_a_part_of_their_own(lines):
    posts = [{"general": "1boy 2girls multiple_girls no_humans 1other smile 6+girls", "artist": "a"}, {"general": "solo"}]
    order = ["people", "artist", "general"]
    assert lines(posts, order=order)[0] == ["2girls, 6+girls, multiple_girls, 1boy, 1other, no_humans, a, smile", "solo"]
    assert lines(posts, order=["artist", "general"])[0][0].startswith("a, 1boy, 2girls")


def test_the_divider_ends_the_parts_before_it(lines):
    posts = [{"character": "c", "general": "a b"}, {"general": "a"}, {"character": "c"}, {}]
    section = {"order": ["character", "divider", "general"], "divider": "|||"}
    assert lines(posts, **section)[0] == ["c ||| a, b", "a", "c |||", None]


def test_made_tags(policy, batch):
    chosen = policy(
        order=["rating", "year", "quality", "size", "general"], rating={"g": "safe", "e": "nsfw, explicit"}, year="year {}",
        eras={"new": 2020, "old": 2005}, orientation={"portrait": "tall", "landscape": "wide"},
        sizes={"big": 100, "": 50, "tiny": 0},
        quality={"by": "score", "words": {"best": 50, "worst": 0}, "min_posts": 1},
    )  # fmt: skip
    at = datetime(2021, 5, 1)
    posts = [
        {"rating": "g", "created_at": at, "score": 5, "image_width": 20, "image_height": 5, "general": "a_b"},
        {"rating": "e", "created_at": at.replace(year=2007), "score": 5, "image_width": 5, "image_height": 6},
        {"rating": "x", "created_at": at.replace(year=2001), "image_width": 7, "image_height": 8},
        {"rating": None},
    ]
    values = pl.DataFrame({"rating": ["g", "g", "e"], "year": [2021, 2021, 2007], "value": [5, 1, 5]})
    table = cutoffs([values], chosen["quality"]["words"], 1)
    tags, _ = PolicyTags(chosen, table, with_names=False).apply(batch(posts))
    line = tags_line(chosen["order"], chosen["separator"], chosen["divider"])
    assert tags.select(line).to_series().to_list() == [
        "safe, new, year 2021, best, wide, big, a_b",
        "nsfw, explicit, old, year 2007, worst, tall, tiny",
        "year 2001, tall",
        None,
    ]


def test_the_artifact_has_every_part_whatever_the_order(policy, batch):
    tags, names = PolicyTags(policy(order=["general"], underscores="space"), NO_CUTOFFS, True).apply(
        batch([{"artist": "a_bc", "general": "red_hair x"}, {}])
    )
    assert tags["artist"].to_list() == ["a bc", None] and tags["general"].to_list() == ["red hair, x", None]
    assert names.select("artist", "general", "meta").rows() == [("a_bc", "red_hair x", ""), ("", "", "")]


def test_renaming_without_end_is_an_error(policy, batch, table):
    for section, message in [
        ({"rename": {"a": "b", "b": "a"}}, r"rename: b renames a without end \(a -> b -> a\)"),
        ({"rename": {"a*": "aa*"}}, "without end"),
        ({"rename": {"b": "a"}, "aliases": table("a.csv", a="b")}, r"without end \(b -> a -> b\): change that rule"),
    ]:
        with pytest.raises(UserError, match=message):
            PolicyTags(policy(**section), NO_CUTOFFS, False).apply(batch([{"general": "a"}]))


NAMES = [
    "1girl",
    "2boys",
    "no_humans",
    "hair",
    "long_hair",
    "very_long_hair",
    "^_^",
    "a(b)",
    "x_request",
    "old",
    "new",
    "o_o",
    "[]",
]
tag_strings = st.lists(st.sampled_from(NAMES), unique=True, max_size=6).map(" ".join)
posts_of_tags = st.lists(st.fixed_dictionaries(dict.fromkeys(TAG_CATEGORIES, tag_strings)), min_size=1, max_size=5)
entries = st.lists(st.sampled_from([*NAMES, "*hair", "long_*", "*", "meta:*_request", "general:1girl", "*o*"]), max_size=3)
sections = st.fixed_dictionaries(
    {
        "order": st.permutations(["people", *TAG_CATEGORIES, "rating"]).flatmap(
            lambda parts: st.integers(1, 7).map(lambda n: parts[:n])
        ),
        "separator": st.sampled_from([", ", " ", "; "]),
        "underscores": st.sampled_from(["keep", "space"]),
        "escape_brackets": st.booleans(),
        "drop": entries,
        "keep": entries,
        "rename": st.dictionaries(
            st.sampled_from(["old", "x_request", "o_o"]), st.sampled_from(["new", "hair", "1girl"]), max_size=2
        ),
        "drop_less_specific": st.booleans(),
        "implied": st.sampled_from(["add", "remove"]),
        "rating": st.sampled_from([{"g": "safe"}]),
    }
)


@settings(max_examples=100, phases=(Phase.explicit, Phase.generate))  # to make a failing example smaller takes minutes
@given(posts_of_tags, sections)
def test_a_policy_keeps_what_it_must_and_is_idempotent(tmp_path_factory, policy, batch, posts, section):
    folder = tmp_path_factory.getbasetemp()
    (folder / "aliases.csv").write_text("antecedent_name,consequent_name\na(b),hair\n[],1girl\n")
    (folder / "implied.csv").write_text(
        "antecedent_name,consequent_name\nvery_long_hair,long_hair\nlong_hair,hair\n1girl,old\n2boys,^_^\n"
    )
    section = {**section, "aliases": [str(folder / "aliases.csv")], "implications": [str(folder / "implied.csv")]}
    section["rename"] = {old: new for old, new in section["rename"].items() if old not in section["drop"]}
    chosen = policy(**section)
    applied = PolicyTags(chosen, NO_CUTOFFS, with_names=True)
    tags, names = applied.apply(batch(posts))
    for post, row in zip(posts, names.rows(named=True), strict=True):
        for category in TAG_CATEGORIES:
            before, after = post[category].split(), row[category].split()
            canonical = applied.naming.canonical(category, before).names
            kept = applied.naming.is_kept(category, canonical)
            assert {name for name, is_kept in zip(canonical, kept, strict=True) if is_kept} <= set(after)
            assert len(after) == len(set(after))
            stays = [name for name in dict.fromkeys(canonical) if name in after]
            implied = {name for each in stays for name in applied.naming.implied(category, each)}
            assert set(after) - set(stays) <= (implied if chosen["implied"] == "add" else set())
            assert not applied.naming.is_dropped(category, after).any()
            own = [name for name, became in zip(before, canonical, strict=True) if name == became]
            places = {name: before.index(name) if name in own else canonical.index(name) for name in stays}
            assert after[: len(stays)] == sorted(stays, key=places.__getitem__)

    again, names_again = PolicyTags(chosen, NO_CUTOFFS, with_names=True).apply(batch(names.select(TAG_CATEGORIES).to_dicts()))
    assert names_again.select(TAG_CATEGORIES).equals(names.select(TAG_CATEGORIES))
    assert again.equals(tags)

    separator = chosen["separator"]
    line_of = tags.select(tags_line(chosen["order"], separator, None)).to_series()
    for line, row in zip(line_of, tags.rows(named=True), strict=True):
        parts = [row[part] for part in chosen["order"] if row[part] is not None]
        assert line == (separator.join(parts) if parts else None)
        if line is not None and separator != " ":
            assert all(tag and tag == tag.strip() for tag in line.split(separator))
        # the order is total: by part, and of each part that of the booru, whatever the other tags
        assert all(row[part] != "" for part in PARTS)


@given(st.permutations(range(5)), st.lists(tag_strings, min_size=5, max_size=5))
def test_a_post_is_written_the_same_whatever_other_posts_are_around_it(policy, batch, order, tags):
    chosen = policy(underscores="space", drop=["*hair"], order=["people", "general"], drop_less_specific=True)
    together, _ = PolicyTags(chosen, NO_CUTOFFS, False).apply(batch([{"general": text} for text in tags]))
    applied = PolicyTags(chosen, NO_CUTOFFS, False)
    one_by_one = {n: applied.apply(batch([{"general": tags[n]}]))[0]["general"][0] for n in order}
    assert [one_by_one[n] for n in range(5)] == together["general"].to_list()
