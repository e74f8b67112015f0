"""The page of a trial, and the same for programs: the bill, and each image beside its captions in all variants."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from booruflow.captioning.shards import Row, image_place
from booruflow.core.errors import Unreadable
from booruflow.core.files import open_whole
from booruflow.report.page import duration, write_page
from booruflow.report.thumbnails import thumbnail
from booruflow.trial.answers import summary_of
from booruflow.trial.bill import Bill, totals_of

GPUS = {1: "one GPU", 2: "two", 4: "four", 8: "eight"}
"""For which numbers of GPUs the page says how long all images take."""
IN_SENTENCE = (1, 4)
MAX_SHOWN = 500
"""Images on the page; of a larger trial these are evenly spaced by id."""
SIDE = 320
"""Maximum width and height of an image on the page, in pixels."""


@dataclass(frozen=True)
class Variant:
    """One way of captioning the drawn images."""

    name: str
    model: str
    """As `booruflow.trial.variants.shown_model` puts it."""
    changes: str
    """What differs from the configured captioner, in words; empty for the configured styles."""
    on_gpu: bool
    answers: Mapping[int, Mapping[str, Any]]
    """By id, see `booruflow.trial.answers`."""
    bill: Bill | None


@dataclass(frozen=True)
class Trial:
    """What a trial gave."""

    images: int
    """Without a caption, in the whole data set."""
    asked: int
    """How many were to be drawn."""
    shards: int
    rows: Sequence[Row]
    """The drawn posts: rows of `booruflow.trial.draw.TRIAL_SCHEMA`."""
    variants: Sequence[Variant]

    def totals(self, variants: Sequence[Variant]) -> dict[int, dict[str, float | None]]:
        """How long all images take in these variants, see `totals_of`; only in one job after the other where none is on a GPU."""
        gpus = GPUS if any(variant.on_gpu for variant in variants) else (1,)
        return totals_of([variant.bill for variant in variants], self.images, self.shards, tuple(gpus))

    @property
    def configured(self) -> list[Variant]:
        """The variants that the whole run will make."""
        return [variant for variant in self.variants if not variant.changes]


def sentence(trial: Trial, variants: Sequence[Variant]) -> str:
    """`480,000 images take 3 d 2 h on one GPU (2 d 20 h to 3 d 9 h), 18 h 30 min on four (...)`; empty if nothing was timed."""
    on_gpu = any(variant.on_gpu for variant in variants)
    parts = [
        f"{shown_time(times)} {('on ' + GPUS[count]) if on_gpu else 'with one job at a time'}{shown_spread(times)}"
        for count, times in trial.totals(variants).items()
        if count in IN_SENTENCE
    ]
    return f"{trial.images:,} images take {', '.join(parts)}" if parts else ""


def headline(trial: Trial) -> str:
    """The `sentence` of the configured variants, or why there is none."""
    if found := sentence(trial, trial.configured):
        return found
    if not any(variant.bill for variant in trial.variants):
        return "Nothing was timed: all captions were in the journal"
    untimed = [variant.name for variant in trial.configured if variant.bill is None]
    return f"{', '.join(untimed)}: not timed, since all captions were in the journal"


def shown_time(times: Mapping[str, float | None]) -> str:
    """The middle of an estimate."""
    return duration(times["seconds"] or 0.0)


def shown_spread(times: Mapping[str, float | None]) -> str:
    """` (2 d 20 h to 3 d 9 h)`, or nothing where there is no spread."""
    low, high = times["low"], times["high"]
    return "" if low is None or high is None else f" ({duration(low)} to {duration(high)})"


def write_trial_json(path: str | Path, trial: Trial) -> None:
    """Write trial.json."""
    variants = {
        variant.name: {
            "model": variant.model,
            "changes": variant.changes,
            **summary_of(variant.answers),
            "bill": asdict(variant.bill) | {"is_short": variant.bill.is_short} if variant.bill else None,
            "seconds_by_gpus": trial.totals([variant]),
        }
        for variant in trial.variants
    }
    posts = [
        {"id": row["id"], **_details(row), "answers": {variant.name: variant.answers[row["id"]] for variant in trial.variants}}
        for row in trial.rows
    ]
    content = {
        "images": trial.images,
        "asked": trial.asked,
        "drawn": len(trial.rows),
        "shards": trial.shards,
        "seconds_by_gpus": trial.totals(trial.configured),
        "variants": variants,
        "posts": posts,
    }
    with open_whole(path) as file:
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
        file.write(orjson.dumps(content, option=options))


def write_trial_page(path: str | Path, trial: Trial) -> None:
    """Write index.html."""
    variants = [
        {
            "name": variant.name,
            "model": variant.model,
            "changes": variant.changes,
            "summary": summary_of(variant.answers),
            "bill": variant.bill,
            "totals": {
                GPUS[count]: [shown_time(times), *filter(None, [shown_spread(times)])]
                for count, times in trial.totals([variant]).items()
            },
        }
        for variant in trial.variants
    ]
    posts = [
        {
            "id": row["id"],
            **_details(row),
            **_image(row),
            "answers": [(variant.name, variant.answers[row["id"]]) for variant in trial.variants],
        }
        for row in trial.rows[:: -(-len(trial.rows) // MAX_SHOWN) or 1]
    ]
    systems: dict[str, list[str]] = {}
    for variant in trial.variants:
        systems.setdefault(next((answer["system"] for answer in variant.answers.values()), ""), []).append(variant.name)
    values = {
        "trial": trial,
        "systems": systems,
        "headline": headline(trial),
        "timed": bool(sentence(trial, trial.configured)),
        "configured": [variant.name for variant in trial.configured],
        "on_gpu": any(variant.on_gpu for variant in trial.variants),
        "variants": variants,
        "posts": posts,
    }
    write_page(path, Path(__file__).with_name("index.html"), values)


def _details(row: Row) -> dict[str, Any]:
    tags = len(row["general"].split(", ")) if row["general"] else 0
    return {"rating": row["rating"], "width": row["image_width"], "height": row["image_height"], "tags": tags}


def _image(row: Row) -> dict[str, str]:
    try:
        return {"image": thumbnail(image_place(row), SIDE), "fault": ""}
    except Unreadable as error:
        return {"image": "", "fault": str(error)}
