import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.idjson import write_entries
from booruflow.sources.tags import tags_entries, trained_tag_line
from booruflow.tags.tags import tags_line
from booruflow.texts.parts import part_rows, post_parts, read_part_rows, read_post_parts
from booruflow.texts.templates import PARTS
from booruflow.texts.texts import json_texts, post_texts, safe_lines

CATEGORIES = ("general", "artist", "character", "copyright", "meta")
POSTS = pl.DataFrame({"id": [1, 2, 3, 7], "rating": ["g", None, "e", "s"]}).with_columns(
    pl.lit({"general": "1girl ^_^", "artist": "ink"}.get(category, "")).alias(category) for category in CATEGORIES
)
LINE = {"order": ["artist", "general"], "separator": ", ", "divider": None}
TAGS = {1: "ink, 1girl, ^_^", 2: "a|||b, {x|y}"}
CAPTIONS = {1: "She \u201csmiles\u201d.\r\n\u2028Her |||| hat {is|was} red.", 3: "Bob."}


def entries(texts, member):
    values = [json.dumps({member: text}, ensure_ascii=False, separators=(",", ":")) for text in texts.values()]
    return [pl.DataFrame({"id": list(texts), "value": values}, schema={"id": pl.Int64, "value": pl.String})]


def rows(parts=PARTS):
    texts = [("tags", "tags", entries(TAGS, "tags")), ("caption", "caption", entries(CAPTIONS, "caption"))]
    return part_rows(post_parts([POSTS], None, LINE, set(parts) - {"tags"}), texts)


def texts_of(*templates, parts=PARTS):
    variants = [{"template": template, "weight": weight} for weight, template in templates]
    texts = dict(pl.concat(post_texts(rows(parts), variants)).iter_rows())
    encoded = dict(pl.concat(json_texts(rows(parts), variants)).iter_rows())
    assert encoded == {post: json.dumps(text, ensure_ascii=False) for post, text in texts.items()}
    return texts


def lines(*texts):
    return safe_lines(pl.Series(["no braces", "\n".join(texts)]))[1]


def test_a_variant_is_a_line_as_often_as_its_weight_says():
    assert texts_of((2, "{caption}"), (4, "{rating} ||| {tags}")) == {
        1: "\n".join(
            ["She \u201csmiles\u201d. Her | | || hat {{is|was}} red.", *["general ||| ink, 1girl, ^_^"] * 2]
        ),
        2: "\n".join(["a|||b, {{x|y}}"] * 2),
        3: "Bob.\nexplicit\nexplicit",
    }, "the fourth post has neither tags nor a caption"  # fmt: skip


def test_with_one_variant_nothing_is_doubled_and_posts_without_a_text_are_absent():
    assert texts_of((3, "{caption}"), parts=["caption"]) == {1: "She \u201csmiles\u201d. Her | | || hat {is|was} red.", 3: "Bob."}


def test_only_columns_of_the_parts_are_read(tmp_path):
    POSTS.drop("rating", "meta").write_parquet(tmp_path / "posts.parquet")
    found = pl.concat(read_post_parts(str(tmp_path / "posts.parquet"), None, LINE, ["artist", "quality"]))
    assert found.rows() == [(post, "ink", None) for post in (1, 2, 3, 7)]
    POSTS.select("id", "rating").write_parquet(tmp_path / "few.parquet")
    pl.DataFrame({"id": [1, 2, 3, 7], "artist": ["@ink", None, None, None], "rating": [None, None, "nsfw", None]}).write_parquet(
        tmp_path / "tags.parquet"
    )
    found = pl.concat(
        read_post_parts(*(str(tmp_path / f"{name}.parquet") for name in ("few", "tags")), LINE, {"artist", "rating"})
    )
    assert found.columns == ["id", "artist", "rating"]
    assert found.rows() == [(1, "@ink", "general"), (2, None, None), (3, None, "nsfw"), (7, None, "sensitive")]


PART_COLUMNS = ["people", "artist", "general", "quality"]
spelled = st.none() | st.text(st.sampled_from(' ab|{}"\\\u3000é漢'), min_size=1, max_size=6)


@given(
    posts=st.lists(st.tuples(*[spelled] * 4, spelled)),
    order=st.permutations([*PART_COLUMNS, "divider"]).filter(lambda order: order[0] != "divider"),
    separator=st.sampled_from([", ", "  "]),
    policy=st.booleans(),
)
def test_tags_from_the_tables_are_those_of_the_tags_json(posts, order, separator, policy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    files = [str(folder / name) for name in ("posts.parquet", "tags.parquet", "tags.json", "captions.json")]
    line = {"order": order, "separator": separator, "divider": "|||"}
    table = pl.DataFrame(posts, schema=dict.fromkeys([*PART_COLUMNS, "caption"], pl.String), orient="row").with_row_index("id")
    table = table.cast({"id": pl.Int64})
    table.select("id", *PART_COLUMNS).write_parquet(files[1])
    own = table.select("id", *(pl.col(name).fill_null("").str.replace_all(" ", "_") for name in ("artist", "general")))
    own.write_parquet(files[0])
    if not policy:
        line |= {"order": [name for name in order if name in ("artist", "general")], "divider": None}
    made = tags_line(**line) if policy else trained_tag_line(line["order"], separator)
    write_entries(files[2], [tags_entries(table if policy else own, made)])
    captions = table.filter(pl.col("caption").is_not_null())
    write_entries(files[3], [captions.select("id", value=pl.struct("caption").struct.json_encode())])
    entries = [("tags", "tags", files[2]), ("caption", "caption", files[3])]
    used = ["tags", "artist", "caption"]
    by_json, by_tables = (
        pl.concat(read_part_rows(files[0], files[1] if policy else None, given_files, line, used)).select("id", *used)
        for given_files in (entries, entries[1:])
    )
    assert by_tables.equals(by_json)


def test_what_a_trainer_would_take_for_a_choice_is_doubled_where_it_draws():
    assert lines("{a|b}, :{", "one") == "{{a|b}}, :{{\none"
    assert lines("one :{", "two }:") == "one :{\ntwo }:"
    assert lines("{a|b}") == "{{a|b}}", "with wildcards, a post with one line has choices as well"
    assert lines(":|", "}:") == ":|\n}:"
    assert lines("}}", "a {{ b", "{{}") == "}}}}\na {{{{ b\n{{{{}}", "two are read as one"


words = st.none() | st.text(st.sampled_from('a b{}|"\\\n\x00\x1f\x7fé漢n'), min_size=1, max_size=8)


@given(st.lists(st.tuples(words, words), min_size=1), st.sampled_from([["{tags}"], ['{tags}\\"{caption}"', "{caption}"]]))
def test_json_texts_are_the_texts_as_json(parts, templates):
    rows = pl.DataFrame(parts, schema={"tags": pl.String, "caption": pl.String}, orient="row").with_row_index("id")
    variants = [{"template": template} for template in templates]
    texts, encoded = (pl.concat(made([rows], variants)) for made in (post_texts, json_texts))
    assert encoded["id"].equals(texts["id"])
    assert list(map(json.loads, encoded["text"])) == texts["text"].to_list()
