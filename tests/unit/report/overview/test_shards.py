import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.report.overview.figures import outcome_parts, outcome_reasons
from booruflow.report.overview.shards import ShardFigures, count_outcomes, in_groups, shard_figures, total_of


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes entries to a file."""

    def write(name: str, **values: str) -> Path:
        ids = [int(key.removeprefix("post")) for key in values]
        write_entries(tmp_path / f"{name}.json", [pl.DataFrame({"id": ids, "value": list(values.values())}, schema=ENTRY_SCHEMA)])
        return tmp_path / f"{name}.json"

    return write


@pytest.fixture
def files(write: Callable[..., Path], tmp_path: Path) -> dict[str, Path]:
    """The files of a shard of seven posts, of which one answer came from the journal."""
    answers = [
        {"id": post, "text": "t", "finish_reason": "stop", "prompt_tokens": 10, "completion_tokens": 20, "seconds": 2.0}
        for post in (1, 2, 3, 7)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in answers))
    generated = {
        "captions": 3,
        "prompt_tokens": 30,
        "completion_tokens": 60,
        "loading_seconds": 9.0,
        "waiting_seconds": 1.0,
        "generating_seconds": 6.0,
    }
    records = [{"identity": {"backend": "transformers", "model": "m"}, "generated": generated, "gpu": "0", "mean_watts": 300.0}]
    (tmp_path / "stats.json").write_text(json.dumps(records))
    return {
        "good": write(
            "good", post1='{"caption":"a"}', post2='{"caption":"b","repaired":true}', post7='{"caption":"b","fallback":true}'
        ),
        "bad": write("bad", post3='{"text":"","reason":"truncated"}', post4='{"text":"","reason":"truncated"}'),
        "skipped": write("skipped", post5='{"reason":"no image"}'),
        "failed": write("failed", post6='{"reason":"status 500: <html>","attempts":1}'),
        "raw": tmp_path / "raw.jsonl",
        "stats": tmp_path / "stats.json",
    }


def test_outcomes_are_counted_by_reason(files: dict[str, Path]) -> None:
    figures = shard_figures(**files)
    assert dict(figures.outcomes) == {
        "good": 1,
        "good, repaired": 1,
        "good, by the fallback": 1,
        "bad: truncated": 2,
        "skipped: no image": 1,
        "failed": 1,
    }
    assert figures.posts() == 7 == sum(count for _, _, count in outcome_parts(figures))
    assert outcome_reasons(figures) == [("bad: truncated", 2), ("skipped: no image", 1)]


def test_the_times_of_answers_in_batches_add_up(files: dict[str, Path]) -> None:
    figures = shard_figures(**files)
    assert (figures.answers, figures.measured) == (4, 3)
    assert (figures.timed, figures.seconds, figures.whole_seconds()) == (4, 8.0, 8.0)
    assert (figures.per_second(figures.timed), figures.per_second(figures.timed_tokens)) == (0.5, 10)
    assert (figures.prompt_tokens, figures.completion_tokens) == (40, 80)
    assert (figures.watt_seconds, dict(figures.models)) == (1800.0, {"transformers m": 1})
    assert ShardFigures().whole_seconds() is None and ShardFigures().per_second(0) is None


def test_answers_that_the_last_run_has_generated_are_timed_by_the_clock_as_in_its_log(files: dict[str, Path]) -> None:
    files["stats"].write_text(files["stats"].read_text().replace('"captions": 3', '"captions": 4'))
    figures = shard_figures(**files)
    assert (figures.timed, figures.seconds, figures.whole_seconds()) == (4, 6.0, 6.0)
    assert figures.per_second(figures.timed) == 4 / 6


def test_concurrent_answers_from_the_journal_take_as_long_as_those_of_the_last_run(files: dict[str, Path]) -> None:
    files["stats"].write_text(files["stats"].read_text().replace("transformers", "server"))
    figures = shard_figures(**files)
    assert (figures.timed, figures.seconds, figures.whole_seconds()) == (3, 6.0, 8.0)
    assert (figures.per_second(figures.timed), figures.per_second(figures.timed_tokens)) == (0.5, 10)


def test_groups_of_shards_add_up(files: dict[str, Path]) -> None:
    shards = [shard_figures(**files) for _ in range(7)]
    groups = in_groups(shards, 3)
    assert [(name, group.posts()) for name, group in groups] == [("0 to 2", 21), ("3 to 5", 21), ("6", 7)]
    assert total_of(shards).posts() == total_of([group for _, group in groups]).posts() == 49
    assert [name for name, _ in in_groups(shards, 7)] == list("0123456") and in_groups([], 3) == []


@pytest.mark.parametrize("name", ["good", "bad", "skipped"])
@pytest.mark.parametrize("value", ["7", "[]", "x"])
def test_an_entry_of_another_form_is_named(files: dict[str, Path], write: Callable[..., Path], name: str, value: str) -> None:
    write(name, post5=value)
    with pytest.raises(UserError, match=rf"{name}\.json: id 5: not an object.*: delete the file"):
        count_outcomes(*(files[kind] for kind in ("good", "bad", "skipped", "failed")))


@pytest.mark.parametrize("text", ["{", "[1]", '[{"generated": 7}]', '[{"identity": {}, "generated": {}}]', '{"a": 1}', "7"])
def test_damaged_statistics_are_named(files: dict[str, Path], text: str) -> None:
    files["stats"].write_text(text)
    with pytest.raises(UserError, match=r"stats\.json: damaged: delete it"):
        shard_figures(**files)
