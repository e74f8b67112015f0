import io
import logging
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from booruflow.cli import console as console_module
from booruflow.cli.console import CHATTER, WITHOUT_WORDS, Console, jobs_line, seconds_text


class Event(StrEnum):
    """As Snakemake's."""

    RUN_INFO = "run_info"
    JOB_INFO = "job_info"
    JOB_STARTED = "job_started"
    JOB_FINISHED = "job_finished"
    JOB_ERROR = "job_error"
    GROUP_ERROR = "group_error"
    PROGRESS = "progress"
    ERROR = "error"


class Run:
    """A console, and what is said to it."""

    def __init__(self, stream: io.StringIO) -> None:
        self.console = Console(stream)
        self.stream = stream

    def say(self, text: str | None, level: int = logging.INFO, **fields: Any) -> None:
        record = logging.LogRecord("snakemake", level, __file__, 1, text, None, None)
        vars(record).update(fields)
        self.console.handle(record)

    def plan(self, **stats: int) -> None:
        self.say("Job stats:", event=Event.RUN_INFO, stats=stats | {"total": sum(stats.values())})

    def start(self, jobid: int, rule: str, log: Iterable[Path] = (), message: str | None = None, **wildcards: str) -> None:
        output = [] if rule in ("all", "export_lora") else [f"results/{rule}"]
        fields = {"jobid": jobid, "rule_name": rule, "log": list(map(str, log)), "rule_msg": message, "wildcards": wildcards}
        fields["output"] = output
        self.say("Rule", event=Event.JOB_INFO, **fields)

    def finish(self, jobid: int) -> None:
        self.say("Finished jobid", event=Event.JOB_FINISHED, job_id=jobid)
        self.say(None, event=Event.PROGRESS, done=1, total=9)

    def fail(self, jobid: int, rule: str, log: Iterable[Path] = ()) -> None:
        said = "RuleException:\nCalledProcessError in file x, line 1:\nCommand ..."
        self.say(said, logging.ERROR, event=Event.ERROR, exception="RuleException")
        self.say("Error in rule", logging.ERROR, event=Event.JOB_ERROR, jobid=jobid, rule_name=rule, log=list(map(str, log)))

    def end(self) -> str:
        """All that was shown, with the clock replaced."""
        self.console.close()
        self.console.close()  # Snakemake and the interpreter both close it
        return self.stream.getvalue()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(console_module.time, "strftime", lambda _: "12:00:00")
    return Run(io.StringIO())


def log_of(folder: Path, text: str) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.log"
    path.write_text(text)
    return path


def test_a_job_is_one_line_at_its_start_and_one_with_its_count_at_its_end(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "7 images\ndone: 7 images; 1 ignored\n")
    run.plan(images=1, export_lora=1, caption=2, all=1)
    run.say("Execute 2 jobs...", event=Event.JOB_STARTED, jobs=[1, 2])
    run.start(1, "images", [log], "Images: list the files")
    run.start(2, "caption", message="Captions of shard 3: generate those: all", n="3")
    run.start(0, "all", message="All products")
    run.finish(1)
    run.start(3, "export_lora")
    run.finish(3)
    run.finish(2)
    run.finish(0)
    assert run.end().splitlines() == [
        "4 jobs: images, export_lora, caption (2)",
        "12:00:00            images                          list the files",
        "12:00:00            caption 3                       generate those: all",
        "12:00:00       1/4  images                          done in 0 s: 7 images; 1 ignored",
        "12:00:00       3/4  caption 3                       done in 0 s",
    ]


def test_warnings_stand_last_each_once(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "warning: odd\nwarning: odd\nnote\nwarning: odder\ndone: x\n")
    for number in (1, 2):
        run.start(number, "posts", [log])
        run.finish(number)
    run.say("Nothing to be done")
    assert run.end().endswith("Nothing to be done\n\n[posts] warning: odd\n[posts] warning: odder\n")


def test_warnings_of_a_failed_job_stand_above_its_error(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "warning: odd\nerror: no posts: name others\n")
    run.start(1, "posts", [log])
    run.fail(1, "posts", [log])
    assert run.end().endswith("\n[posts] warning: odd\n\n[posts] error: no posts: name others\n")


def test_many_warnings_are_counted(run: Run, tmp_path: Path) -> None:
    run.start(1, "posts", [log_of(tmp_path, "".join(f"warning: {n}\n" for n in range(25)))])
    run.finish(1)
    assert run.end().endswith("[posts] warning: 19\nand 5 more warnings, in results/logs/\n")


def test_the_first_error_stands_last_and_alone(run: Run, tmp_path: Path) -> None:
    first, second = log_of(tmp_path, "2 of 3\nerror: m.csv row 3: no id: fill it in\n"), log_of(tmp_path, "error: other\n")
    warned = log_of(tmp_path, "warning: odd\n")
    for number, log in ((1, first), (2, second), (3, warned)):
        run.start(number, f"rule_{number}", [log])
    run.fail(1, "rule_1", [first])
    run.fail(2, "rule_2", [second])
    run.finish(3)
    run.say("Exiting because a job execution failed. Look below for error messages", logging.ERROR)
    run.say("WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR, event=Event.ERROR)
    shown = run.end()
    assert shown.endswith("\n\n[rule_3] warning: odd\n\n[rule_1] error: m.csv row 3: no id: fill it in\n")
    assert "RuleException" not in shown
    assert "WorkflowError" not in shown
    assert shown.count("failed: ") == 2


def test_an_error_between_jobs_is_one_line_and_stands_last(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "done: 3 posts\n")
    run.start(1, "posts", [log])
    place = '  File "/code/rules/built.smk", line 40, in record_job'
    run.say(f'WorkflowError in file "/code/rules/built.smk", line 42:\ndisk full: free space\n{place}', logging.ERROR)
    run.fail(1, "posts", [log])
    shown = run.end()
    assert shown.endswith("\n\nerror: disk full: free space\n")
    assert "rules/" not in shown


def test_a_job_that_ended_without_an_error_of_its_own_shows_the_end_of_its_log(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "".join(f"line {n}\n" for n in range(40)) + "KeyError: 3\n")
    run.start(1, "posts", [log])
    run.fail(1, "posts", [log])
    shown = run.end()
    assert shown.endswith(
        f"[posts] failed; the end of {log}:\n" + "".join(f"line {n}\n" for n in range(26, 40)) + "KeyError: 3\n"
    )


def test_a_log_that_is_not_there_or_is_not_text_hides_no_failure(run: Run, tmp_path: Path) -> None:
    binary = tmp_path / "binary.log"
    binary.write_bytes(b"\xff\xfe error\n")
    run.fail(1, "posts", [tmp_path / "missing.log"])
    run.fail(2, "tags", [binary])
    run.fail(3, "none")
    assert run.end().endswith(f"[posts] failed, and {tmp_path}/missing.log has no word of it: {WITHOUT_WORDS}\n")


def test_jobs_that_failed_on_a_cluster_together_are_each_named(run: Run, tmp_path: Path) -> None:
    log = log_of(tmp_path, "error: no GPU\n")
    jobs = [{"rule_name": "caption", "log": [str(log)]}, {"rule_name": "parse", "log": []}]
    run.say("Error in group", logging.ERROR, event=Event.GROUP_ERROR, job_error_info=jobs)
    shown = run.end()
    assert "parse                           failed\n" in shown
    assert shown.endswith("\n[caption] error: no GPU\n")


def test_what_is_said_of_every_run_is_left_out_and_all_else_is_shown(run: Run) -> None:
    for text in CHATTER:
        run.say(f"{text} and more")
    run.say("config.yaml: captioner.model: no model is named", logging.ERROR)
    run.say("MissingInputException in rule posts", logging.ERROR, event=Event.ERROR)
    run.say("")
    run.say(None)
    assert run.end() == "config.yaml: captioner.model: no model is named\nMissingInputException in rule posts\n"


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("meta_latt", "; did you mean meta_lat?"),
        ("results/meta_lat.jsn", "; did you mean results/meta_lat.json?"),
        ("xyzzy", "; `snakemake --list-target-rules` lists the rules"),
    ],
)
def test_a_misspelt_target_is_one_line_with_the_nearest_name(target: str, hint: str) -> None:
    stream = io.StringIO()
    console = console_module.Console(stream, lambda: ["all", "meta_lat", "results/meta_lat.json", "results/meta_cap.json"])
    text = f"MissingRuleException:\nNo rule to produce {target} (if you use input functions make sure that they don't raise)."
    console.handle(logging.LogRecord("snakemake", logging.ERROR, "", 0, text, None, None))
    assert stream.getvalue() == f"error: {target}: no rule, and no file that a rule makes{hint}\n"


def test_a_long_list_of_jobs_is_wrapped() -> None:
    line = jobs_line({f"a_rule_of_some_length_{n}": 1 for n in range(9)})
    assert line.startswith("9 jobs: ")
    assert max(map(len, line.splitlines())) <= 100
    assert jobs_line({"posts": 1, "total": 1}) == "1 job: posts"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (90_061, "25 h 01 min")]
)
def test_times_are_easy_to_read(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
