"""What a run of the workflow shows: a line when a job starts, one when it ends; last the warnings and the first error."""

import logging
import os
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from booruflow.core.config_errors import nearest
from booruflow.core.errors import counted_noun
from booruflow.core.jobs import DONE, ERROR, RUN_CONSOLE, WARNING

WIDTH = 100
"""Columns of the list of jobs."""

MAX_WARNINGS = 20
LAST_LINES = 15
"""Lines of a log that are shown when a job ended without an error of its own, such as a traceback."""
WITHOUT_WORDS = "see whether the disk is full, or the job was killed (out of memory, a time limit)"
"""Why a job can end before it has written to its log."""

CHATTER = (
    "Building DAG",
    "Using shell",
    "Provided ",
    "Rules claiming",
    "Conda environments: ignored",
    "Select jobs",
    "Execute ",
    "Removing output files of failed job",
    "RuleException:\nCalledProcessError in file",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete",
    "Complete log",
    "Elapsed time",
)
"""How messages begin that Snakemake (9.16 to 9.27) writes of each run, and that say nothing of this one."""

OWN_ERROR = "WorkflowError in file "
"""How an error begins that code in rules/ raises: Snakemake puts the place in that code before and behind the message."""

NO_RULE = "MissingRuleException:\nNo rule to produce "
"""How Snakemake refuses a target."""

LOCKED = "LockException"
LOCKED_FOLDER = (
    "error: this folder is locked by another run: wait for it; if it was killed, continue with `booruflow resume` and the"
    " arguments of that run"
)
"""Replaces Snakemake's advice, which is to remove the lock: jobs that a killed run left behind would go on."""


@dataclass(frozen=True)
class RunningJob:
    """A job that has started."""

    name: str
    log: str | None
    started: float
    """By `time.monotonic`, seconds."""


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """`caption 3` of the rule caption with n=3."""
    return " ".join([rule, *wildcards.values()])


def seconds_text(seconds: float) -> str:
    """`8 s`, `3 min 20 s` or `2 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def jobs_line(stats: Mapping[str, int]) -> str:
    """The number of jobs, and their rules: `4 jobs: posts, caption (3)`."""
    rules = {rule: count for rule, count in stats.items() if rule not in ("all", "total")}
    names = ", ".join(f"{rule} ({count})" if count > 1 else rule for rule, count in rules.items())
    jobs = sum(rules.values())
    return textwrap.fill(f"{jobs} job{'s' * (jobs != 1)}: {names}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def log_lines(path: str | None) -> list[str]:
    """The lines of a job's log; none where it has none, or it cannot be read."""
    try:
        return Path(path).read_text("utf-8", "replace").splitlines() if path else []
    except OSError:
        return []


class Console(logging.Handler):
    """Shows the records of Snakemake's logger. What a job found is the last line of its log, see `booruflow.core.jobs`."""

    def __init__(self, stream: TextIO, targets: Callable[[], Sequence[str]] = tuple) -> None:
        """Write to `stream`; `targets` gives the names to suggest for a target that is misspelt."""
        super().__init__()
        self._stream, self._targets = stream, targets
        self._jobs: dict[int, RunningJob] = {}
        self._done = self._total = 0
        self._warnings: dict[str, None] = {}
        self._error = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or keep it for the end."""
        fields = vars(record)
        match getattr(fields.get("event"), "value", None):
            case "run_info":
                self._plan(fields["stats"])
            case "job_info" if fields["output"] or fields["log"]:
                self._start(fields)
            case "job_info" if fields["rule_name"] != "all":  # a target such as subset_NAME has nothing to do itself
                self._done += 1
            case "job_finished":
                self._finish(fields["job_id"])
            case "job_error":
                job = self._jobs.pop(fields["jobid"], None)
                self._fail(job.name if job else fields["rule_name"], fields["log"])
            case "group_error":
                for job in fields["job_error_info"]:
                    self._fail(job["rule_name"], job["log"])
            case "job_info" | "job_started" | "progress":
                pass
            case _:
                self._say(str(record.msg or ""), record.levelno >= logging.ERROR)

    def _plan(self, stats: Mapping[str, int]) -> None:
        self._total = stats.get("total", 0) - stats.get("all", 0)
        self._write(jobs_line(stats))

    def _start(self, fields: Mapping[str, Any]) -> None:
        name = job_name(fields["rule_name"], fields["wildcards"] or {})
        self._jobs[fields["jobid"]] = RunningJob(name, next(iter(fields["log"]), None), time.monotonic())
        message = fields["rule_msg"] or "starts"
        self._write_line("", name, message.partition(": ")[2] or message)

    def _finish(self, number: int) -> None:
        if (job := self._jobs.pop(number, None)) is None:
            return
        self._done += 1
        lines = log_lines(job.log)
        self._keep_warnings(job.name, lines)
        found = lines[-1].removeprefix(DONE) if lines and lines[-1].startswith(DONE) else ""
        took = f"done in {seconds_text(time.monotonic() - job.started)}"
        self._write_line(f"{self._done}/{self._total}", job.name, f"{took}: {found}" if found else took)

    def _fail(self, name: str, logs: Sequence[str]) -> None:
        log = next(iter(logs), None)
        self._write_line("", name, f"failed: {log}" if log else "failed")
        lines = log_lines(log)
        self._keep_warnings(name, lines)
        errors = [line for line in lines if line.startswith(ERROR)]
        if errors:
            reason = errors[-1]
        elif lines:
            reason = "\n".join([f"failed; the end of {log}:", *lines[-LAST_LINES:]])
        else:
            reason = f"failed, and {log} has no word of it: {WITHOUT_WORDS}" if log else "failed"
        self._error = self._error or f"[{name}] {reason}"

    def _keep_warnings(self, name: str, lines: Sequence[str]) -> None:
        self._warnings |= dict.fromkeys(f"[{name}] {line}" for line in lines if line.startswith(WARNING))

    def _say(self, text: str, is_error: bool) -> None:
        """Show a message, but for those of every run, and what Snakemake says of a failed job; an own error stands last."""
        if text.startswith(LOCKED):
            text = LOCKED_FOLDER
        if text.startswith(NO_RULE):
            target = text.removeprefix(NO_RULE).partition(" (if you use")[0]
            hint = nearest(target, self._targets()) or "; `snakemake --list-target-rules` lists the rules"
            text = f"{ERROR}{target}: no rule, and no file that a rule makes{hint}"
        if text.startswith(OWN_ERROR):
            message = "; ".join(line for line in text.splitlines()[1:] if not line.startswith('  File "'))
            self._error = self._error or f"{ERROR}{message}"
        elif text and not text.startswith(CHATTER) and not (is_error and self._error):
            self._write(text)

    def _write_line(self, count: str, name: str, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S')} {count:>9}  {name:31} {text}")

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Show what stands last: the warnings of all jobs, and the first error alone."""
        warnings, self._warnings = list(self._warnings), {}
        if warnings:
            self._write("\n".join(["", *warnings[:MAX_WARNINGS]]))
            if len(warnings) > MAX_WARNINGS:
                self._write(f"and {counted_noun(len(warnings) - MAX_WARNINGS, 'more warning')}, in results/logs/")
        if self._error:
            self._write(f"\n{self._error}")
            self._error = ""
        super().close()


def console(targets: Callable[[], Sequence[str]] = tuple) -> Console:
    """A console on standard error; the jobs of this run leave to it what they find, and their warnings and errors."""
    os.environ[RUN_CONSOLE] = "1"
    return Console(sys.stderr, targets)
