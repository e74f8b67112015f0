"""Copies of this project in which tests run the real workflow."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ["Snakefile", "config.yaml", "rules", "scripts", "profiles", "envs", "sample"]

PATIENCE = 600
"""Seconds after which a run counts as hung."""


@dataclass(frozen=True)
class Ran:
    """A run of Snakemake that has ended."""

    code: int
    text: str
    """Both outputs of the console."""

    @property
    def jobs(self) -> dict[str, int]:
        """The table of job counts: rule -> jobs; empty when there was nothing to do."""
        table = re.search(r"^job +count\n[- ]+\n((?:.+\n)*?)total ", self.text, re.MULTILINE)
        rows = [line.rsplit(maxsplit=1) for line in table[1].splitlines()] if table else []
        return {rule: int(count) for rule, count in rows if rule != "all"}

    @property
    def errors(self) -> list[str]:
        """What was said on lines that begin with `error: ` or `config: `, behind the name of the job."""
        lines = (re.sub(r"^\[[^]]+\] ", "", line.strip()) for line in self.text.splitlines())
        return [line for line in lines if line.startswith(("error: ", "config: "))]


@dataclass(frozen=True)
class Project:
    """A copy of the project, with its results if it has any."""

    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """What config.yaml holds."""
        config: dict[str, Any] = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        return config

    @cached_property
    def results(self) -> Path:
        """The folder of the results."""
        return self.folder / self.config["results"]

    def configure(self, **values: object) -> None:
        """Change keys of config.yaml; `tars__count=10` is `tars: {count: 10}`."""
        config = self.config
        for name, value in values.items():
            *sections, key = name.split("__")
            part = config
            for section in sections:
                part = part.setdefault(section, {})
            part[key] = value
        text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace text that stands once in a file."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{file}: {before!r} stands {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def start(self, *arguments: str, cores: int = 2, **environment: str) -> "subprocess.Popen[str]":
        """Start Snakemake as the leader of a process group; its console goes to `console.txt`."""
        with (self.folder / "console.txt").open("w") as console:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments],
                cwd=self.folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )

    def console(self) -> str:
        """What the run has said so far."""
        return (self.folder / "console.txt").read_text(encoding="utf-8", errors="replace")

    def run(self, *arguments: str, cores: int = 2, code: int | None = 0, **environment: str) -> Ran:
        """Run Snakemake to its end; `code` is the exit code that it must have, None for any but 0."""
        process = self.start(*arguments, cores=cores, **environment)
        try:
            process.wait(PATIENCE)
        finally:
            end(process)
        ran = Ran(process.returncode, self.console())
        assert ran.code == code if code is not None else ran.code != 0, ran.text
        return ran

    def plan(self, *targets: str) -> dict[str, int]:
        """Which rules would run: rule -> jobs."""
        return self.run("-n", *targets).jobs

    @contextmanager
    def running(self, *arguments: str, **options: int) -> "Iterator[subprocess.Popen[str]]":
        """A run to be disturbed; killed in the end if it is still there."""
        process = self.start(*arguments, **options)
        try:
            yield process
        finally:
            end(process)

    def wait_for(self, process: "subprocess.Popen[str]", what: Callable[[], bool]) -> None:
        """Wait until `what()` while the run goes on."""
        limit = time.monotonic() + PATIENCE
        while not what():
            assert process.poll() is None and time.monotonic() < limit, self.console()
            time.sleep(0.02)

    def path(self, name: str) -> Path:
        """A file of the results."""
        return self.results / name

    def read(self, name: str) -> dict[str, dict[str, object]]:
        """A JSON product."""
        return json.loads(self.path(name).read_bytes())

    def products(self) -> dict[str, str]:
        """Every product and its digest; of records of a run (raw, stats) what does not depend on the run."""
        found = {}
        for path in sorted(self.results.rglob("*")):
            name = path.relative_to(self.results).as_posix()
            if path.is_file() and not name.startswith(("logs/", "benchmarks/", "journal/", ".records/")):
                found[name] = hashlib.sha256(self._lasting(name, path.read_bytes())).hexdigest()
        return found

    def _lasting(self, name: str, data: bytes) -> bytes:
        if re.fullmatch(r"captions/raw_\d+\.jsonl", name):
            lines = [json.loads(line) for line in data.splitlines()]
            return json.dumps([line | {"seconds": None} for line in lines]).encode()
        return b"" if re.fullmatch(r"captions/stats_\d+\.json", name) else data

    def journal(self) -> list[dict[str, object]]:
        """The finished generations."""
        return [json.loads(line) for line in self.journal_lines()]

    def journal_lines(self) -> list[bytes]:
        """The lines of the journal that are whole, while it is being written."""
        files = sorted(self.path("journal").glob("*.jsonl"))
        return [line for file in files for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def left_behind(self) -> list[str]:
        """Half-written files and spools."""
        return [str(path) for path in self.results.rglob("*") if re.search(r"\.part$|\.spool$|\.ids$", path.name)]


def end(process: "subprocess.Popen[str]") -> None:
    """Kill a run and all that it started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def new_project(folder: Path, **config: object) -> Project:
    """A copy of the project, without results, with some keys of its config changed."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    project = Project(folder)
    project.configure(**config)
    return project


def copy_of(project: Project, folder: Path) -> Project:
    """A copy with its results, and with what Snakemake knows of them."""
    shutil.copytree(project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder)
