from booruflow.tags.quality import cutoffs
from booruflow.tags.report import unused_lines, write_report
from booruflow.tags.tags import PolicyTags


def test_what_changed_is_listed_with_its_rule_most_frequent_first(policy, batch, tmp_path):
    (tmp_path / "aliases.csv").write_text("antecedent_name,consequent_name\nold,new\n")
    chosen = policy(
        drop=["meta:*_request", "gone"], rename={"a": "b"}, aliases=[str(tmp_path / "aliases.csv")], drop_less_specific=True
    )
    tags = PolicyTags(chosen, cutoffs((), {}, 1), with_names=False)
    for _ in range(2):
        tags.apply(batch([{"general": "a old hair long_hair"}, {"general": "a gone", "meta": "x_request y"}]))
    tags.apply(batch([{"meta": "y_request z_request"}]))
    write_report(tmp_path / "report.tsv", tags.categories, tags.naming)
    rows = [line.split("\t") for line in (tmp_path / "report.tsv").read_text().splitlines()]
    assert rows == [
        ["category", "tag", "action", "becomes", "posts", "rule"],
        ["general", "gone", "dropped", "", "2", "drop: gone"],
        ["general", "a", "renamed", "b", "4", "rename: a"],
        ["general", "old", "renamed", "new", "2", f"{tmp_path}/aliases.csv: row 2"],
        ["general", "hair", "removed", "", "2", "drop_less_specific"],
        ["meta", "x_request", "dropped", "", "2", "drop: meta:*_request"],
        ["meta", "y_request", "dropped", "", "1", "drop: meta:*_request"],
        ["meta", "z_request", "dropped", "", "1", "drop: meta:*_request"],
    ]


def test_entries_that_no_tag_matches_are_named(policy, batch):
    chosen = policy(drop=["gone", "*_request"], rename={"old": "new"}, implied="keep")
    tags = PolicyTags(chosen, cutoffs((), {}, 1), with_names=False)
    tags.apply(batch([{"general": "old gone x(y", "meta": "x_request"}, {"artist": "ink"}]))
    own = {
        "config.yaml: tags.drop": ["gone", "new", "x(*", "*_request", "meta:gone", "copyright:*", "*_requst", "a*b"],
        "config.yaml: tags.keep": ["artist:ink", "artist:*k"],
        "my.yaml: rename": [f"old{number}" for number in range(12)],
    }
    assert list(unused_lines(own, tags.categories)) == [
        f"{place}: no post has a tag that matches {entries}: correct or remove what is misspelt"
        for place, entries in (
            ("config.yaml: tags.drop", "meta:gone, copyright:*, *_requst, a*b"),
            ("my.yaml: rename", f"{', '.join(own['my.yaml: rename'][:10])} and 2 more"),
        )
    ]


def test_names_on_the_way_and_implied_ones_are_matched(policy, batch, tmp_path):
    (tmp_path / "aliases.csv").write_text("antecedent_name,consequent_name\nbig,voluminous\n")
    (tmp_path / "implications.csv").write_text("antecedent_name,consequent_name\nsolo,one_person\none_person,person\n")
    section = {
        "rename": {"old": "older", "older": "oldest", "*_(x)": "*", "cat": "kitty", "voluminous": "v"},
        "drop": ["person", "one_person", "gone"],
    }
    tables = {name: [str(tmp_path / f"{name}.csv")] for name in ("aliases", "implications")}
    tags = PolicyTags(policy(**section, **tables, implied="add"), cutoffs((), {}, 1), with_names=False)
    tags.apply(batch([{"general": "old cat_(x) big solo"}]))
    own = {"config.yaml: tags.drop": section["drop"], "my.yaml: rename": [*section["rename"], "oldest", "never"]}
    assert list(unused_lines(own, tags.categories)) == [
        f"{place}: no post has a tag that matches {entry}: correct or remove what is misspelt"
        for place, entry in (("config.yaml: tags.drop", "gone"), ("my.yaml: rename", "never"))
    ]
