"""A tag policy on the built sample."""

import polars as pl


def test_a_policy_changes_tags_and_on_request_tokens_and_no_prompt(built):
    plain = built.read("tags/meta_cap_dd.json")
    assert not built.path("tags/tags.parquet").exists()
    quality = {"by": "score", "min_posts": 20}
    built.configure(tags__policies=["noobai"], tags__drop=["meta:*"], tags__quality=quality, tokens__tags="policy")
    assert {"shards", "caption", "parse"}.isdisjoint(built.plan())
    ran = built.run("tags_json", "tokens")
    assert {"tag_policy", "tags_json", "prevalence", "tokens"} <= set(ran.jobs) and "posts" not in ran.jobs
    tags = built.read("tags/meta_cap_dd.json")
    assert list(tags) == list(plain)
    assert plain["1213521"]["tags"].startswith("paper_kite_studio, original, 1girl, beach")
    assert tags["1213521"]["tags"].startswith("1girl, original, paper kite studio, safe, mid, year 2014, beach")
    assert tags["1213521"]["tags"].endswith("white kimono, masterpiece")
    names = pl.read_parquet(built.path("tags/posts.parquet"))
    assert set(names["meta"]) == {""} and names["artist"][0] == "paper_kite_studio"
    assert built.path("tokens/prevalence_meta.tsv").read_text() == "name\tcount\n"
    assert "meta\tlowres\tdropped\t\t240\tdrop: meta:*\n" in built.path("tags/policy_report.tsv").read_text()

    built.configure(tags__policies=[], tags__drop=[], tags__quality={}, tokens__tags="booru")
    built.run("tags_json")
    assert built.read("tags/meta_cap_dd.json") == plain


def test_a_bad_table_of_aliases_is_one_line_with_its_rows(built):
    (built.folder / "aliases.csv").write_text("antecedent_name,consequent_name\na,b\nb,a\n")
    built.configure(tags__aliases=["aliases.csv"])
    ran = built.run("tags_json", code=1)
    line = "aliases.csv: row 2, aliases.csv: row 3: a and b are aliases of each other: remove one of the rows"
    assert ran.text.splitlines()[-1] == line and ran.jobs == {}
    assert not list(built.path("tags").glob("*.part")) and not built.path("tags/tags.parquet").exists()
    built.configure(tags__aliases=["alises.csv"], tags__policies=["nobai"])
    assert "config.yaml: tags.policies: no policy nobai; did you mean noobai?" in built.run("-n", code=None).text
