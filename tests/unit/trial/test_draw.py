from itertools import pairwise

import numpy as np
import polars as pl

from booruflow.trial.draw import candidates_of, draw, with_details


def posts(count, first=1):
    """Posts of which a twentieth are e, with every size and number of tags."""
    rng = np.random.default_rng(first)
    return pl.DataFrame(
        {
            "id": range(first, first + count),
            "rating": rng.choice(["g", "s", "e", None], count, p=[0.6, 0.3, 0.05, 0.05]),
            "general": [" ".join(f"t{k}" for k in range(number)) for number in rng.integers(0, 60, count)],
            "image_width": pl.Series(rng.integers(100, 4000, count), dtype=pl.Int32),
            "image_height": pl.Series(rng.integers(100, 4000, count), dtype=pl.Int32),
        }
    )


def drawn(frame, count, seed=0):
    return draw(candidates_of([frame]), count, seed)["id"].to_list()


def test_a_draw_is_the_same_each_time_and_in_any_order_and_another_with_another_seed():
    frame = posts(5000)
    ids = drawn(frame, 64)
    assert len(set(ids)) == 64 and ids == sorted(ids)
    assert drawn(frame, 64) == ids
    assert draw(candidates_of([frame]).sample(fraction=1, shuffle=True, seed=3), 64, 0)["id"].to_list() == ids
    assert len(set(drawn(frame, 64, seed=1)) & set(ids)) < 10


def test_a_larger_draw_keeps_the_images_of_a_smaller_one():
    frame = posts(5000)
    ids = [set(drawn(frame, count)) for count in (1, 10, 64, 500)]
    assert all(smaller < larger for smaller, larger in pairwise(ids))


def test_new_posts_change_few_of_the_drawn():
    frame = posts(5000)
    before, after = set(drawn(frame, 100)), set(drawn(pl.concat([frame, posts(100, first=90_000)]), 100))
    assert len(before & after) >= 90


def test_every_rating_size_and_number_of_tags_has_its_share():
    frame, count = posts(20_000), 400
    chosen = frame.filter(pl.col("id").is_in(drawn(frame, count)))
    shares = chosen["rating"].fill_null("none").value_counts(normalize=True)
    for rating, share in {"g": 0.6, "s": 0.3, "e": 0.05, "none": 0.05}.items():
        assert abs(shares.filter(pl.col("rating") == rating)["proportion"].item() - share) < 0.02
    pixels = frame["image_width"].cast(pl.Int64) * frame["image_height"]
    lower, upper = pixels.quantile(1 / 3), pixels.quantile(2 / 3)
    chosen_pixels = chosen["image_width"].cast(pl.Int64) * chosen["image_height"]
    for part in (chosen_pixels <= lower, chosen_pixels > upper):
        assert abs(part.mean() - 1 / 3) < 0.03


def test_the_mean_over_many_seeds_is_that_of_all():
    """The rounding of shares is not biased, also where there are fewer images than strata."""
    frame = posts(2000)
    weight = frame["general"].str.len_chars().cast(pl.Float64)
    means = [weight.gather([id_ - 1 for id_ in drawn(frame, 20, seed)]).mean() for seed in range(0, 600, 2)]
    assert abs(np.mean(means) - weight.mean()) < 4 * np.std(means) / np.sqrt(len(means))
    alone = [weight.sample(20, seed=seed).mean() for seed in range(300)]
    assert np.std(means) < np.std(alone), "strata are worth their while"


def test_fewer_candidates_than_asked_for_are_all_drawn():
    frame = posts(7).with_columns(image_width=pl.lit(None, pl.Int32))
    assert drawn(frame, 64) == list(range(1, 8))
    assert drawn(frame.head(0), 64) == []


def test_details_join_rows_by_id():
    schema = {"general": pl.String, "characters": pl.String, "artists": pl.String, "image": pl.String}
    rows = pl.DataFrame({"id": [3, 5]}).with_columns(
        *(pl.lit("x", kind).alias(name) for name, kind in schema.items()),
        offset=pl.lit(None, pl.Int64),
        size=pl.lit(None, pl.Int64),
        has_metadata=True,
    )
    details = posts(9).select("id", "rating", "image_width", "image_height")
    frame = pl.concat(with_details([rows], [details]))
    assert frame["id"].to_list() == [3, 5]
    assert frame["image_width"].to_list() == details["image_width"].gather([2, 4]).to_list()
