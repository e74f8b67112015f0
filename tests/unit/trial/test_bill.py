import numpy as np
import pytest

from booruflow.trial.bill import bill_of, ratio_error, student_t, totals_of
from booruflow.trial.timing import Timing


def timing(captions=16, seconds=8.0, **changes):
    values = {"prompt_tokens": captions * 100, "completion_tokens": captions * 50, "waiting_seconds": 0.0}
    return Timing(captions=captions, seconds=seconds, **values | {"request_seconds": seconds, "loading_seconds": 0.0} | changes)


def test_the_bill_of_some_batches():
    bill = bill_of([timing(loading_seconds=90.0), timing(seconds=9.0, waiting_seconds=1.0), timing(seconds=7.0)])
    assert (bill.captions, bill.seconds_per_image, bill.tokens_per_second) == (48, 0.5, 100)
    assert (bill.prompt_tokens, bill.completion_tokens) == (100, 50)
    assert (bill.waiting, bill.loading_seconds, bill.in_flight) == (1 / 24, 90, 1)
    assert 0 < bill.low < 0.5 < bill.high and not bill.is_short


def test_nothing_timed_is_no_bill_and_few_groups_have_no_spread():
    assert bill_of([]) is None
    assert bill_of([timing(captions=0)]) is None
    assert bill_of([timing(), timing()]).low is None


def test_concurrent_requests_count_by_the_clock():
    answers = [timing(captions=2, seconds=0.1, request_seconds=12.0) for _ in range(400)]
    bill = bill_of(answers)
    assert bill.seconds_per_image == pytest.approx(0.05) and bill.in_flight == pytest.approx(120)
    assert bill.is_short
    assert not bill_of(answers * 2).is_short


def test_answers_that_failed_take_time_as_well():
    assert bill_of([timing(), timing(captions=0, seconds=8.0)]).seconds_per_image == 1


def test_an_interval_holds_the_truth_as_often_as_it_says():
    """Batches of images whose times differ, in groups of few: nine intervals of ten hold the true mean."""
    rng = np.random.default_rng(5)
    for batches in (4, 6, 20):
        held = 0
        for _ in range(1000):
            captions = rng.integers(8, 17, batches)
            seconds = [float(rng.gamma(4, 0.25, number).sum()) for number in captions]
            bill = bill_of([timing(int(number), time) for number, time in zip(captions, seconds, strict=True)])
            held += bill.low <= 1 <= bill.high
        assert 860 <= held <= 940, batches


@pytest.mark.parametrize(("freedom", "value"), [(2, 2.920), (3, 2.353), (9, 1.833), (30, 1.697)])
def test_the_expansion_of_students_t(freedom, value):
    assert student_t(0.95, freedom) == pytest.approx(value, rel=0.06 if freedom == 2 else 0.02)


def test_equal_groups_have_no_error():
    assert ratio_error([(4, 2.0)] * 5) == pytest.approx(0, abs=1e-12)
    assert ratio_error([(4, 2.0)] * 2) is None


def test_all_images_by_the_number_of_gpus():
    bill = bill_of([timing(loading_seconds=100.0)] * 4)
    totals = totals_of([bill], images=480_000, shards=8, gpus=(1, 3, 4, 16))
    job = 60_000 * 0.5 + 100
    assert {count: times["seconds"] for count, times in totals.items()} == {1: 8 * job, 3: 3 * job, 4: 2 * job, 16: job}
    both = totals_of([bill, bill], images=480_000, shards=8, gpus=(1,))
    assert both[1]["seconds"] == 16 * job and both[1]["low"] == 2 * totals[1]["low"]
    assert totals_of([bill, None], 10, 1, (1,)) == totals_of([], 10, 1, (1,)) == {}
    assert totals_of([bill_of([timing()])], 10, 1, (1,))[1]["high"] is None
