from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.core.tables import read_stream, write_stream
from booruflow.sources.changes.compare import CHANGES, CHANGES_SCHEMA, compare_posts
from booruflow.sources.changes.kept import KEPT_SCHEMA, keep_posts, read_kept
from booruflow.sources.changes.summary import count_changes, most_frequent, summary_text
from booruflow.sources.posts import TAG_CATEGORIES


def posts(*rows: tuple[int, str | None, dict[str, str]]) -> pl.DataFrame:
    values = [(id_, rating, *(tags.get(name, "") for name in TAG_CATEGORIES)) for id_, rating, tags in rows]
    return pl.DataFrame(values, schema=KEPT_SCHEMA, orient="row")


def changes(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=CHANGES_SCHEMA), *compare_posts([before], [now])])


def test_each_kind_of_change_has_its_row() -> None:
    before = posts(
        (1, "g", {"general": "hat smile", "artist": "a"}),
        (2, "s", {"general": "hat"}),
        (3, "g", {"general": "hat smile"}),
        (4, "g", {"general": "rose"}),
        (5, None, {}),
        (7, "e", {"meta": "lowres"}),
    )
    now = posts(
        (1, "q", {"general": "1girl hat", "artist": "a"}),
        (3, "g", {"general": "smile hat hat"}),
        (4, "g", {"character": "rose"}),
        (5, "g", {}),
        (6, "g", {"general": "new"}),
        (7, "e", {"meta": "lowres"}),
    )
    assert changes(before, now).rows() == [
        (1, False, False, True, True, "g", "q", "general:1girl", "general:smile"),
        (2, False, True, False, False, "s", None, "", ""),
        (4, False, False, True, False, "g", "g", "character:rose", "general:rose"),
        (5, False, False, False, True, None, "g", "", ""),
        (6, True, False, False, False, None, "g", "", ""),
    ]


TAGS = st.lists(st.sampled_from(["a", "b", "é", "a_(b)"]), max_size=4).map(" ".join)
POSTS = st.dictionaries(
    st.integers(0, 30), st.tuples(st.sampled_from(["g", "e", None]), st.fixed_dictionaries({"general": TAGS, "artist": TAGS}))
).map(lambda rows: posts(*((id_, *row) for id_, row in sorted(rows.items()))))


@given(POSTS, POSTS, st.integers(1, 7))
def test_the_table_is_what_sets_say_however_the_streams_are_cut(before: pl.DataFrame, now: pl.DataFrame, size: int) -> None:
    cut = [[frame.slice(start, size) for start in range(0, max(len(frame), 1), size)] for frame in (before, now)]
    table = pl.concat([pl.DataFrame(schema=CHANGES_SCHEMA), *compare_posts(*cut)])
    assert table.equals(changes(before, now)) and table["id"].is_sorted()
    old, new = ({row["id"]: row for row in frame.to_dicts()} for frame in (before, now))
    found = {row["id"]: row for row in table.to_dicts()}
    for id_ in old | new:
        tags = [{f"{c}:{tag}" for c in TAG_CATEGORIES for tag in side.get(id_, {}).get(c, "").split()} for side in (old, new)]
        kinds = {"new": id_ not in old, "gone": id_ not in new}
        kept = not any(kinds.values())
        kinds["retagged"] = kept and tags[0] != tags[1]
        kinds["rerated"] = kept and old[id_]["rating"] != new[id_]["rating"]
        assert {name: found[id_][name] for name in CHANGES} == kinds if any(kinds.values()) else id_ not in found
        if kinds["retagged"]:
            assert (found[id_]["tags_came"], found[id_]["tags_went"]) == tuple(
                " ".join(sorted(some)) for some in (tags[1] - tags[0], tags[0] - tags[1])
            )
    counts = count_changes([table]).posts
    assert len(before) - counts["gone"] + counts["new"] == len(now)


class Months:
    """The posts of one run after the other, as the rule keeps and compares them."""

    def __init__(self, folder: Path) -> None:
        self.table, self.kept = folder / "posts.parquet", folder / "kept"

    def run(self, now: pl.DataFrame) -> list[int] | None:
        """The ids that changed, or None where there is nothing to compare with."""
        self.table.unlink(missing_ok=True)  # as Snakemake does
        write_stream(self.table, [now], KEPT_SCHEMA)
        before = keep_posts(self.table, self.kept)
        return pl.concat(compare_posts(read_kept(before), read_stream(self.table)))["id"].to_list() if before else None


@pytest.fixture
def months(tmp_path: Path) -> Months:
    return Months(tmp_path)


MAY, JUNE, JULY = (posts(*((id_, "g", {"general": f"tag_{month}"}) for id_ in range(month, month + 3))) for month in (5, 6, 7))


def test_the_comparison_outlives_runs_without_a_change(months: Months) -> None:
    assert months.run(MAY) is None and months.run(MAY) is None
    assert months.run(JUNE) == months.run(JUNE) == months.run(JUNE) == [5, 6, 7, 8]
    assert months.run(JULY) == [6, 7, 8, 9]
    assert months.run(JUNE) == [6, 7, 8, 9]


@pytest.mark.parametrize("write", ["now.parquet", "before.parquet"])
def test_a_kill_at_any_step_loses_no_comparison(months: Months, monkeypatch: pytest.MonkeyPatch, write: str) -> None:
    months.run(MAY)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        if write == "now.parquet":
            patched.setattr("booruflow.sources.changes.kept.write_stream", _interrupt)
        else:
            patched.setattr(Path, "replace", _interrupt)
        months.run(JUNE)
    assert months.run(JUNE) == [5, 6, 7, 8]


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_damaged_copy_is_named(months: Months) -> None:
    months.run(MAY)
    months.kept.joinpath("now.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"kept/now\.parquet: damaged: delete it"):
        months.run(JUNE)


def test_the_summary_is_for_people() -> None:
    table = changes(
        posts(*((id_, "g", {"general": "hat \x1b[31m"}) for id_ in range(1, 30))),
        posts(*((id_, "q", {"general": "hat rose"}) for id_ in range(2, 31))),
    )
    text = summary_text(29, 29, count_changes([table]))
    assert text.splitlines()[2:8] == [
        "  before               29",
        "  gone                 -1",
        "  new                   1",
        "  now                  29",
        "  retagged             28",
        "  rerated              28",
    ]
    assert "retagged: 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 18 with lower ids" in text
    assert "            28  general:rose\n" in text and "general:\\x1b[31m" in text and "g -> q" in text
    assert summary_text(0, 29, count_changes([])).startswith("29 posts.")


def test_of_equally_frequent_tags_the_first_by_name_is_shown() -> None:
    assert most_frequent(count_changes([]).came) == []
    table = changes(posts((1, "g", {})), posts((1, "g", {"general": "c b a"})))
    assert most_frequent(count_changes([table]).came, 2) == [("general:a", 1), ("general:b", 1)]
