from booruflow.tags.quality import cutoffs
from booruflow.tags.report import write_report
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
