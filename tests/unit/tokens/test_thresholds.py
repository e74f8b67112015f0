import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.tokens import CATEGORIES
from booruflow.tokens.thresholds import frequent_tags, plot_costs, threshold_costs, threshold_for_size, write_costs
from booruflow.tokens.vocabulary import special_names

COUNTS = {
    "general": {"1girl": 100, "red_hat": 6, "blue_hat": 5, "hat": 4, "miku_(cosplay)": 8, "fate_(x)": 9},
    "artist": {"rare": 9, "known": 10, "hat": 50},
    "character": {"miku": 10},
    "copyright": {"fate": 10},
    "meta": {},
}


def test_tags_at_the_threshold_and_pieces_of_the_others():
    kept = frequent_tags(COUNTS, dict.fromkeys(CATEGORIES, 10))
    assert kept == {
        # hat: 6 + 5 times a piece and 4 times itself; miku and fate have tokens already; red, blue, cosplay are too rare
        "general": {"1girl": 100, "hat": 15},
        "artist": {"known": 10, "hat": 50},
        "character": {"miku": 10},
        "copyright": {"fate": 10},
        "meta": {},
    }


def test_a_threshold_per_category():
    kept = frequent_tags(COUNTS, {**dict.fromkeys(CATEGORIES, 10), "artist": 9, "general": 101})
    assert set(kept["artist"]) == {"rare", "known", "hat"}
    assert kept["general"] == {}


names = st.sampled_from(["a_bcde", "bcde", "a_bcde_x", "xyz_w", "wwww_w", "q", "bcde_(cosplay)", "a_xyz"])


@given(
    st.fixed_dictionaries({category: st.dictionaries(names, st.integers(1, 50)) for category in CATEGORIES}), st.integers(0, 20)
)
def test_the_size_is_kept_and_used(counts, room):
    size = len(special_names([])) + room

    def tokens(threshold):
        return sum(map(len, frequent_tags(counts, dict.fromkeys(CATEGORIES, threshold)).values()))

    threshold = threshold_for_size(counts, size)
    assert tokens(threshold) <= room
    if room >= tokens(1):
        assert threshold == 1


def test_a_size_below_the_special_tokens():
    with pytest.raises(UserError, match="vocabulary size 5: 15 special tokens do not fit"):
        threshold_for_size(COUNTS, 5)


def test_costs():
    costs = threshold_costs(COUNTS, dict.fromkeys(CATEGORIES, 10))
    general = costs.filter(category="general")
    assert general["threshold"].to_list() == [1, 2, 4, 8, 10, 16, 32, 64]
    chosen = general.row(by_predicate=pl.col("chosen"), named=True)
    assert chosen["tokens"] == 2
    assert chosen["covered"] == round(104 / 132, 6)  # 1girl, hat
    assert chosen["spelled"] == chosen["covered"]
    lower = general.row(by_predicate=pl.col("threshold") == 8, named=True)
    assert lower["tokens"] == 4  # 1girl, fate_(x), miku_(cosplay), hat
    assert costs.filter(category="meta").is_empty()
    assert costs.filter(category="artist", threshold=1)["covered"].item() == 1


def test_labels_spelled_in_known_pieces_count_as_spelled():
    counts = {**{category: {} for category in CATEGORIES}, "general": {"red": 9, "hats": 9, "red_hats": 2, "red_x_": 1}}
    costs = threshold_costs(counts, dict.fromkeys(CATEGORIES, 9))
    chosen = costs.row(by_predicate=pl.col("chosen"), named=True)
    assert (chosen["covered"], chosen["spelled"]) == (round(18 / 21, 6), round(20 / 21, 6))


def test_table_and_plot_are_the_same_every_time(tmp_path):
    costs = threshold_costs(COUNTS, dict.fromkeys(CATEGORIES, 10))
    for n in "12":
        write_costs(costs, tmp_path / f"{n}.tsv")
        plot_costs(costs, tmp_path / f"{n}.svg")
    assert (tmp_path / "1.tsv").read_bytes() == (tmp_path / "2.tsv").read_bytes()
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    assert b"<svg" in (tmp_path / "1.svg").read_bytes()
    assert (tmp_path / "1.tsv").read_text().startswith("category\tthreshold\tchosen\ttokens\tcovered\tspelled\n")


def test_no_tags_at_all_still_make_a_plot(tmp_path):
    costs = threshold_costs({category: {} for category in CATEGORIES}, dict.fromkeys(CATEGORIES, 10))
    plot_costs(costs, tmp_path / "x.svg")
    assert costs.is_empty()
