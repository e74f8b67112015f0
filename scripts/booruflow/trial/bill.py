"""The bill: how long all images will take, from the times of the few.

The time of an image is a ratio, that of the time of all answers and their number. Its spread is that of a ratio estimator (W. G.
Cochran, Sampling Techniques, 1977, chapter 6) over at most GROUPS groups of consecutive answers, with Student's t for so few of
them. So it covers how answers, images and the machine differed during the trial, and nothing that the trial has not seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from booruflow.trial.timing import Timing

GROUPS = 10
LEAST_GROUPS = 3
"""With fewer there is no spread."""
CONFIDENCE = 0.9
"""Of the interval that is shown as spread."""
FULL_TURNS = 10
"""An engine that answers many requests at a time fills and empties: a trial of fewer turns shows it slower than it is."""


@dataclass(frozen=True)
class Bill:
    """What a trial of one variant says about all images. Times in seconds; `low` and `high` end the spread."""

    captions: int
    """How many captions were timed."""
    seconds_per_image: float
    low: float | None
    high: float | None
    tokens_per_second: float
    """Of the answers."""
    prompt_tokens: float
    """Of an image."""
    completion_tokens: float
    """Of an image."""
    waiting: float
    """The share of the time in which the backend waited for images."""
    loading_seconds: float
    in_flight: float
    """How many requests were in progress at a time, on average; 1 where a batch counts as one."""

    @property
    def is_short(self) -> bool:
        """Whether the engine was filling and emptying for much of the time: the figures are worse than those of a long run."""
        return self.in_flight > 1.5 and self.captions < FULL_TURNS * self.in_flight


def bill_of(timings: Sequence[Timing]) -> Bill | None:
    """The bill of one variant; None if no caption was timed."""
    captions = sum(timing.captions for timing in timings)
    if not captions:
        return None
    seconds = max(sum(timing.seconds for timing in timings), 1e-6)
    each = seconds / captions
    error = ratio_error(_grouped(timings))
    return Bill(
        captions=captions,
        seconds_per_image=each,
        low=None if error is None else max(each - error, 0.0),
        high=None if error is None else each + error,
        tokens_per_second=sum(timing.completion_tokens for timing in timings) / seconds,
        prompt_tokens=sum(timing.prompt_tokens for timing in timings) / captions,
        completion_tokens=sum(timing.completion_tokens for timing in timings) / captions,
        waiting=sum(timing.waiting_seconds for timing in timings) / seconds,
        loading_seconds=max(timing.loading_seconds for timing in timings),
        in_flight=sum(timing.request_seconds for timing in timings) / seconds,
    )


def _grouped(timings: Sequence[Timing]) -> list[tuple[int, float]]:
    """Captions and seconds of at most GROUPS groups of consecutive timings, about equal in captions."""
    total = sum(timing.captions for timing in timings)
    groups = [(0, 0.0)] * GROUPS
    done = 0
    for timing in timings:
        place = min(done * GROUPS // total, GROUPS - 1)
        captions, seconds = groups[place]
        groups[place] = captions + timing.captions, seconds + timing.seconds
        done += timing.captions
    return [group for group in groups if group[0]]


def ratio_error(groups: Sequence[tuple[int, float]]) -> float | None:
    """Half of the interval of CONFIDENCE of the seconds by captions of all groups; None for fewer than LEAST_GROUPS.

    Args:
        groups: captions and seconds of each.
    """
    count = len(groups)
    if count < LEAST_GROUPS:
        return None
    captions, seconds = sum(number for number, _ in groups), sum(time for _, time in groups)
    residuals = sum((time - seconds / captions * number) ** 2 for number, time in groups)
    return student_t((1 + CONFIDENCE) / 2, count - 1) * math.sqrt(count / (count - 1) * residuals) / captions


def student_t(probability: float, freedom: int) -> float:
    """A quantile of Student's t, by the expansion 26.7.5 of Abramowitz and Stegun; for 2 degrees of freedom 6% too small."""
    z = NormalDist().inv_cdf(probability)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def totals_of(bills: Sequence[Bill | None], images: int, shards: int, gpus: Sequence[int]) -> dict[int, dict[str, float | None]]:
    """How long all images take, in seconds, by the number of GPUs: `seconds`, and `low` and `high`, the ends of its spread.

    All bills together, for several styles: the ends of the sum are the sums of the ends, so they hold also where errors have a
    common cause. Empty if a bill is missing. Each job, one for each shard, loads the model; where shards do not divide evenly
    among the GPUs, some GPUs wait at the end.
    """
    known = [bill for bill in bills if bill is not None]
    if len(known) < len(bills) or not known:
        return {}
    ends: dict[str, list[float | None]] = {
        "seconds": [bill.seconds_per_image for bill in known],
        "low": [bill.low for bill in known],
        "high": [bill.high for bill in known],
    }
    loading = sum(bill.loading_seconds for bill in known)

    def total(each: Sequence[float | None], count: int) -> float | None:
        found = [seconds for seconds in each if seconds is not None]
        if len(found) < len(each):
            return None
        return math.ceil(shards / count) * (images / shards * sum(found) + loading)

    return {count: {name: total(each, count) for name, each in ends.items()} for count in gpus}
