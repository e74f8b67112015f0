from pathlib import Path

import pytest
import yaml

from booruflow.core.config import check_config
from booruflow.core.errors import UserError
from booruflow.tags.policy import column_errors, is_plain, made_columns, own_entries


def test_the_base_is_the_plain_policy(policy):
    plain = policy()
    assert plain["order"] == ["artist", "character", "copyright", "general", "meta"]
    assert (plain["separator"], plain["underscores"], plain["implied"]) == (", ", "keep", "keep")
    assert plain == policy(policies=["plain"])


def test_a_later_policy_wins_lists_add_up_and_the_config_comes_last(policy, tmp_path):
    (tmp_path / "own.yaml").write_text("drop: [a]\nseparator: ' '\nrating: {g: fine}\nrename: {x: y}\nquality: {min_posts: 7}\n")
    chosen = policy(
        policies=["anima", str(tmp_path / "own.yaml")], drop=["b", "a"], rename={"z": "w"}, order=["artist", "general"]
    )
    assert (chosen["drop"], chosen["rename"]) == (["a", "b"], {"x": "y", "z": "w"})
    assert (chosen["separator"], chosen["rating"], chosen["order"]) == (" ", {"g": "fine"}, ["artist", "general"])
    assert chosen["templates"] == {"artist": "@{}"} and chosen["underscores"] == "space"
    assert chosen["quality"]["min_posts"] == 7 and chosen["quality"]["words"]["masterpiece"] == 95


@pytest.mark.parametrize("name", ["booru-noise", "noobai", "animagine", "anima", "plain"])
def test_every_shipped_policy_is_valid(policy, name):
    assert policy(policies=[name])["order"]


@pytest.mark.parametrize(
    ("section", "is_it"),
    [
        ({}, True),
        ({"order": ["general"], "separator": " "}, True),
        ({"keep": ["a"]}, True),
        ({"underscores": "space"}, False),
        ({"order": ["people"]}, False),
        ({"drop": ["a"]}, False),
        ({"rename": {"a": "b"}}, False),
        ({"templates": {"artist": "@{}"}}, False),
        ({"quality": {"words": {"best": 5}}}, False),
        ({"drop_less_specific": True}, False),
        ({"policies": ["booru-noise"]}, False),
    ],
)
def test_what_needs_no_pass_over_the_tags(policy, section, is_it):
    assert is_plain(policy(**section)) is is_it


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"separator": "\n"}, r"separator: '\\n' has a line break"),
        ({"rating": {"g": "sa\tfe"}}, "rating: .* has a line break, tab"),
        ({"eras": {"new": 2015, "old": 2015}}, "eras: 'new' and 'old' both begin at 2015: change one"),
        ({"quality": {"words": {"best": 50, "good": 50}}}, r"quality\.words: 'best' and 'good' both begin at 50"),
        ({"divider": "|||"}, r"divider: '\|\|\|' has no place: add divider to tags\.order"),
        ({"policies": ["nobai"]}, r"tags\.policies: no policy nobai; did you mean noobai\?"),
        ({"policies": ["mine/none.yaml"]}, r"mine/none\.yaml: cannot be read"),
        ({"order": ["quality", "general"]}, r"tags\.order: quality has no words: set tags\.quality\.words"),
        ({"order": ["size", "general"]}, "size has no words: set tags.orientation"),
        ({"order": ["divider", "general"], "divider": "|"}, "divider stands before all tags"),
        ({"order": ["artist", "divider"]}, "divider has no text: set tags.divider, such as"),
        ({"templates": {"artist": "by artist"}}, r"templates\.artist: 'by artist' has no place for the tag"),
        ({"drop": ["a"], "rename": {"a": "b"}}, "rename: a is also in drop: remove one of them"),
        ({"implied": "add"}, "implied: add needs a table: name it under tags.implications"),
        ({"implications": [__file__]}, "implications: not used while tags.implied is keep"),
        ({"aliases": ["none.csv"]}, "aliases: none.csv: no such file: correct the path"),
        ({"drop": ["red hair"]}, "tags.drop: 'red hair' has white space: write the tag as the booru does, such as red_hair"),
        ({"rename": {"a": "b c"}}, "tags.rename: 'b c' has white space"),
        ({"templates": {"artists": "@{}"}}, "templates.*artists"),
        ({"year": "year"}, r"tags\.year: \"year\" does not match the pattern .*: write \{\} where the value goes"),
        ({"quality": {"words": {"a": 100}}}, r"tags\.quality\.words\.a: 100 is not below 100"),
        ({"order": ["artits"]}, r'tags\.order\.0: "artits" is not one of'),
        ({"order": ["general", "meta", "general"]}, r'tags\.order: "general" stands there twice: remove one'),
        ({"quality": {"words": {"a": 0.9, "b": 0}}}, r"quality\.words: percentiles go from 0 to 100: write 90"),
        ({"rename": {"general:solo": "artist:ink"}}, r"rename: 'artist:ink': a tag stays in its category: write 'ink'"),
        ({"rename": {"solo": ""}}, r"tags\.rename\.solo: empty: write a text, or remove it"),
        ({"templates": {"artist": "by"}}, r"templates\.artist: 'by' has no place for the tag"),
        ({"drop": "a"}, r'tags\.drop: "a" is not a list: write \[a\]'),
        ({"dorp": []}, r"tags\.dorp: unknown key; did you mean drop\?"),
    ],
)
def test_a_bad_section_is_one_line_that_names_the_key(policy, section, message):
    with pytest.raises(UserError, match=message) as error:
        policy(**section)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep: [red hair]", r"own\.yaml: keep: 'red hair' has white space"),
        ("drop: red_hair", r'own\.yaml: drop: "red_hair" is not a list'),
        ("dropp: [a]", r"own\.yaml: dropp: unknown key; did you mean drop\?"),
        ("drop: [a\n", r"own\.yaml: line \d, column \d: not YAML .*: correct the line"),
        ("drop: [a]\ndrop: [b]\n", r"own\.yaml: drop: twice, in lines 1 and 2: keep one"),
        ("- a", r"own\.yaml: not the keys of the config section tags"),
        ("tags:\n  drop: [a]", r"own\.yaml: tags: the keys of the section stand without its name: leave this line out"),
        ("policies: [noobai]", r"own\.yaml: not the keys of the config section tags, without policies"),
    ],
)
def test_a_bad_policy_file_is_named_with_its_line_or_key(policy, tmp_path, text, message):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        policy(policies=[str(tmp_path / "own.yaml")])
    assert "\n" not in str(error.value)


def test_entries_of_a_user_are_those_of_the_config_and_of_policy_files(tmp_path):
    schema = yaml.safe_load(Path("rules/schemas/config.schema.yaml").read_text("utf-8"))["properties"]["tags"]
    file = tmp_path / "own.yaml"
    file.write_text("drop: [a]\nrename: {x: y}\n")
    section = check_config({"policies": ["booru-noise", str(file)], "keep": ["b"]}, schema)
    assert {place: entries for place, entries in own_entries(section, schema, Path("policies")).items() if entries} == {
        "config.yaml: tags.keep": ["b"],
        f"{file}: drop": ["a"],
        f"{file}: rename": ["x"],
    }


def test_a_policy_file_may_be_empty_or_in_other_bytes(policy, tmp_path):
    (tmp_path / "own.yaml").write_text("# nothing yet\n")
    assert policy(policies=[str(tmp_path / "own.yaml")]) == policy()
    (tmp_path / "own.yaml").write_bytes(b"drop: [\xff]")
    with pytest.raises(UserError, match=r"own\.yaml: line 1: not UTF-8: save the file as UTF-8"):
        policy(policies=[str(tmp_path / "own.yaml")])


def test_columns_that_made_tags_need_are_named_with_the_remedy(policy):
    chosen = policy(policies=["noobai"])
    assert made_columns(chosen) == {"fav_count": "quality.by", "created_at": "year"}
    lines = list(column_errors(chosen, ["rating", "score"], "posts.parquet has no such column"))
    assert lines == [
        "config.yaml: tags.quality.by: no post has a fav_count, as posts.parquet has no such column: name the column in"
        " inputs.columns.fav_count, or set tags.quality.by to score, or take the words away",
        "config.yaml: tags.year: no post has a created_at, as posts.parquet has no such column: name the column in"
        " inputs.columns.created_at, or take the words away",
    ]
    assert not list(column_errors(policy(), [], ""))
