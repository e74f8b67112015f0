import json
import re
from html.parser import HTMLParser

import orjson
import polars as pl
import pytest
from PIL import Image

from booruflow.captioning.parse import ParserSettings
from booruflow.trial.answers import AnswerFiles, answers_of, summary_of
from booruflow.trial.bill import bill_of
from booruflow.trial.draw import TRIAL_SCHEMA
from booruflow.trial.page import Trial, Variant, sentence, write_trial_json, write_trial_page
from booruflow.trial.timing import Timing

SETTINGS = ParserSettings("prose", "By {artist}.", None, salvage=True)


def raw(id_, text, finish_reason="stop", **more):
    values = {"prompt_tokens": 90, "completion_tokens": 40, "seconds": 1.234}
    return {"id": id_, "text": text, "finish_reason": finish_reason, **values, **more}


@pytest.fixture
def rows(tmp_path):
    """Five posts; the image of 4 is broken, and 5 has no rating and no size."""
    for id_ in (1, 2, 3, 5):
        Image.new("RGB", (64, 48), (id_ * 40, 0, 0)).save(tmp_path / f"{id_}.png")
    (tmp_path / "4.png").write_bytes(b"broken")
    values = dict.fromkeys(TRIAL_SCHEMA) | {"general": "1girl, <3", "characters": "", "artists": "a b", "has_metadata": True}
    rows = [values | {"id": id_, "image": str(tmp_path / f"{id_}.png"), "rating": "q", "image_width": 64} for id_ in range(1, 6)]
    rows = [each | {"image_height": 48} for each in rows]
    rows[4] |= {"rating": None, "image_width": None, "general": ""}
    pl.DataFrame(rows, schema=TRIAL_SCHEMA, orient="row").write_parquet(tmp_path / "posts.parquet")
    return rows


@pytest.fixture
def answers(tmp_path, rows):
    lines = [
        raw(1, "A girl & a cat."),
        raw(2, ""),
        raw(3, "A girl sits on a bench. She reads a book." + " a hat, a hat," * 40, "repetition", fallback=True),
    ]
    (tmp_path / "raw.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (tmp_path / "skipped.json").write_text('{\n"4": {"reason":"unreadable image","detail":"not an image of a known kind"}\n}\n')
    (tmp_path / "failed.json").write_text('{\n"5": {"reason":"status 500","attempts":1}\n}\n')
    prompts = {id_: {"system": "You are <it>.", "user": f"Describe {id_}."} for id_ in range(1, 6)}
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    names = ("raw.jsonl", "skipped.json", "failed.json", "prompts.json")
    return answers_of(tmp_path / "posts.parquet", AnswerFiles(*(str(tmp_path / name) for name in names)), SETTINGS)


def timings(groups=5, **changes):
    return [
        Timing(16, 1600, 800, 8.0 + group / 5, 0.4, **{"request_seconds": 8.0, "loading_seconds": 60.0} | changes)
        for group in range(groups)
    ]


def variant(answers, name="json", changes="", on_gpu=True, times=None):
    return Variant(
        name, "transformers: models/captioner", changes, on_gpu, answers, bill_of(timings() if times is None else times)
    )


def page_of(tmp_path, trial):
    write_trial_page(tmp_path / "index.html", trial)
    text = (tmp_path / "index.html").read_text("utf-8")
    HTMLParser().feed(text)
    return text


def test_each_post_has_its_outcome_with_all_that_led_to_it(answers):
    assert {id_: answer["outcome"] for id_, answer in answers.items()} == {
        1: "good", 2: "bad", 3: "good", 4: "skipped", 5: "failed",
    }  # fmt: skip
    assert (answers[1]["caption"], answers[1]["text"]) == ("By a b. A girl & a cat.", "A girl & a cat.")
    assert (answers[1]["system"], answers[1]["prompt"], answers[1]["seconds"]) == ("You are <it>.", "Describe 1.", 1.234)
    assert answers[2]["reason"] == "empty" and "caption" not in answers[2]
    assert answers[3]["repaired"] is answers[3]["fallback"] is True
    assert answers[4]["reason"] == "unreadable image: not an image of a known kind" and answers[4]["prompt"] == "Describe 4."
    assert answers[5]["reason"] == "status 500"
    summary = summary_of(answers)
    assert {name: summary[name] for name in ("good", "bad", "skipped", "failed")} == {
        "good": 2,
        "bad": 1,
        "skipped": 1,
        "failed": 1,
    }
    assert summary_of({})["words"] is None


def test_the_page_shows_every_post_and_stands_alone(tmp_path, rows, answers):
    page = page_of(tmp_path, Trial(480_000, 64, 8, rows, [variant(answers)]))
    assert page.count('<section class="post">') == 5 and page.count("data:image/webp;base64,") == 4
    assert not re.search(r"https?:|<script|<link|url\(|@import", page)
    for text in (
        "Trial: 5 of 480,000 images", "64 were asked for", "A girl &amp; a cat.", "You are &lt;it&gt;.", "Describe 2.",
        "bad: empty", "skipped: unreadable image", "failed: status 500", "not an image of a known kind", "ended by repetition",
        "by the fallback", "repaired", "rating q, 64 × 48, 2 tags", "no rating, 0 tags", "480,000 images on eight",
        "1.23 s, 90 + 40 tokens",
    ):  # fmt: skip
        assert text in page, text
    assert "differs by" not in page and "faster in a long run" not in page and "no spread" not in page
    assert page_of(tmp_path, Trial(480_000, 64, 8, rows, [variant(answers)])) == page


def test_several_variants_stand_side_by_side(tmp_path, rows, answers):
    other = {id_: {**answer, "prompt": "Otherwise.", "system": ""} for id_, answer in answers.items()}
    variants = [variant(answers), variant(answers, "short"), variant(other, "joy", "profile: joycaption")]
    page = page_of(tmp_path, Trial(480_000, 5, 8, rows, variants))
    assert page.count("<h3>joy</h3>") == 5 and page.count("Otherwise.") == 5 and page.count("Describe 2.") == 2
    assert "profile: joycaption" in page and "all styles" in page and "system message of json, short<" in page
    assert "were asked for" not in page


def test_the_bill_in_one_sentence(rows, answers):
    timed = variant(answers, times=timings(4, loading_seconds=0.0))
    shown = sentence(Trial(480_000, 5, 8, rows, [timed]), [timed])
    assert shown.startswith("480,000 images take 2 d 21 h on one GPU (2 d ") and " on four (" in shown
    both = Trial(480_000, 5, 8, rows, [timed, timed, variant(answers, "x", "style: x", times=[])])
    assert sentence(both, both.configured).startswith("480,000 images take 5 d 18 h on one GPU (5 d ")
    cpu = variant(answers, on_gpu=False, times=timings(2, loading_seconds=0.0))
    assert sentence(Trial(64, 5, 8, rows, [cpu]), [cpu]) == "64 images take 32.4 s with one job at a time"


def test_fewer_jobs_than_gpus_are_pointed_out(tmp_path, rows, answers):
    assert "2 jobs use 2 GPUs at most" in page_of(tmp_path, Trial(9, 5, 2, rows, [variant(answers)]))
    assert "GPUs at most" not in page_of(tmp_path, Trial(9, 5, 8, rows, [variant(answers)]))
    assert "GPUs at most" not in page_of(tmp_path, Trial(9, 5, 2, rows, [variant(answers, on_gpu=False)]))


def test_what_was_not_timed_is_said(tmp_path, rows, answers):
    none = variant(answers, times=[])
    assert sentence(Trial(9, 5, 8, rows, [none]), [none]) == ""
    assert "Nothing was timed: all captions were in the journal." in page_of(tmp_path, Trial(9, 5, 8, rows, [none]))
    other = [none, variant(answers, "fast", "batch_size: 64")]
    assert "json: not timed, since all captions were in the journal." in page_of(tmp_path, Trial(9, 5, 8, rows, other))
    short = variant(answers, times=timings(request_seconds=900.0))
    assert "faster in a long run. Draw at least" in page_of(tmp_path, Trial(9, 5, 8, rows, [short]))
    assert "no spread" in page_of(tmp_path, Trial(9, 5, 8, rows, [variant(answers, times=timings(2))]))


def test_a_page_of_a_large_trial_shows_some_of_all(tmp_path, rows, answers):
    many = [{**rows[0], "id": id_} for id_ in range(1, 1102)]
    given = dict.fromkeys(range(1, 1102), answers[1])
    page = page_of(tmp_path, Trial(9000, 1101, 8, many, [variant(given)]))
    assert page.count('<section class="post">') == 367 and "367 of the 1,101 are shown" in page


def test_programs_read_the_same(tmp_path, rows, answers):
    trial = Trial(480_000, 64, 8, rows, [variant(answers), variant(answers, "x", "style: x", times=[])])
    write_trial_json(tmp_path / "trial.json", trial)
    content = json.loads((tmp_path / "trial.json").read_text("utf-8"))
    assert {name: content[name] for name in ("images", "asked", "drawn", "shards")} == {
        "images": 480_000, "asked": 64, "drawn": 5, "shards": 8,
    }  # fmt: skip
    assert content["seconds_by_gpus"] == content["variants"]["json"]["seconds_by_gpus"]
    assert set(content["seconds_by_gpus"]) == {"1", "2", "4", "8"}
    assert content["variants"]["x"]["bill"] is None and content["variants"]["json"]["bill"]["captions"] == 80
    assert [post["id"] for post in content["posts"]] == [1, 2, 3, 4, 5]
    assert content["posts"][0]["answers"]["json"]["caption"] == answers[1]["caption"]
