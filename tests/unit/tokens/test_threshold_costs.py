import polars as pl
from polars.testing import assert_frame_equal

from booruflow.tokens.threshold_costs import read_costs, threshold_costs, write_costs
from booruflow.tokens.vocabulary import SECTION_ORDER

COUNTS = {
    "general": {"1girl": 100, "red_hat": 6, "blue_hat": 5, "hat": 4, "miku_(cosplay)": 8, "fate_(x)": 9},
    "artist": {"rare": 9, "known": 10, "hat": 50},
    "character": {"miku": 10},
    "copyright": {"fate": 10},
    "meta": {},
}


def test_costs():
    costs = threshold_costs(COUNTS, dict.fromkeys(SECTION_ORDER, 10))
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
    counts = {**{category: {} for category in SECTION_ORDER}, "general": {"red": 9, "hats": 9, "red_hats": 2, "red_x_": 1}}
    costs = threshold_costs(counts, dict.fromkeys(SECTION_ORDER, 9))
    chosen = costs.row(by_predicate=pl.col("chosen"), named=True)
    assert (chosen["covered"], chosen["spelled"]) == (round(18 / 21, 6), round(20 / 21, 6))


def test_the_table_is_read_as_it_was_written(tmp_path):
    for counts in (COUNTS, {category: {} for category in SECTION_ORDER}):
        costs = threshold_costs(counts, dict.fromkeys(SECTION_ORDER, 10))
        write_costs(costs, tmp_path / "costs.tsv")
        assert (tmp_path / "costs.tsv").read_text().startswith("category\tthreshold\tchosen\ttokens\tcovered\tspelled\n")
        assert_frame_equal(read_costs(tmp_path / "costs.tsv"), costs)
