import polars as pl

from booruflow.products.tags_json import tags_entries


def test_an_entry_is_the_line_of_a_post_that_has_one():
    posts = pl.DataFrame({"id": [1, 2, 3], "line": ['a, say_"hi"', None, "b"]})
    entries = tags_entries(posts, pl.col("line"))
    assert entries.rows() == [(1, '{"tags":"a, say_\\"hi\\""}'), (3, '{"tags":"b"}')]
