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
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ["Snakefile", "config.yaml", "rules", "policies", "scripts", "profiles", "envs", "sample", "edited"]

PATIENCE = 600
"""Seconds after which a run is considered hung."""


@dataclass(frozen=True)
class Ran:
    """A finished run of Snakemake."""

    code: int
    text: str
    """Standard output and standard error."""

    @property
    def jobs(self) -> dict[str, int]:
        """Rule -> number of jobs, from the table or the list of jobs; empty if there was nothing to do."""
        if listed := re.search(r"^\d+ jobs?: (.+(?:\n  .+)*)", self.text, re.MULTILINE):
            names = re.findall(r"(\w+)(?: \((\d+)\))?", listed[1])
            return {rule: int(count or 1) for rule, count in names}
        table = re.search(r"^job +count\n[- ]+\n((?:.+\n)*?)total ", self.text, re.MULTILINE)
        rows = [line.rsplit(maxsplit=1) for line in table[1].splitlines()] if table else []
        return {rule: int(count) for rule, count in rows if rule != "all"}

    @property
    def errors(self) -> list[str]:
        """The lines that begin with `error: ` or `config.yaml: `, without the name of the job."""
        lines = (re.sub(r"^\[[^]]+\] ", "", line.strip()) for line in self.text.splitlines())
        return [line for line in lines if line.startswith(("error: ", "config.yaml: "))]


@dataclass(frozen=True)
class Project:
    """A copy of the project, with or without results."""

    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """The content of config.yaml."""
        config: dict[str, Any] = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        return config

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return self.folder / "results"

    def configure(self, **values: object) -> None:
        """Change keys of config.yaml; `tars__count=10` means `tars: {count: 10}`."""
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
        """Replace text that occurs once in a file."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{file}: {before!r} occurs {text.count(before)} times"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def start(self, *arguments: str, cores: int = 2, **environment: str) -> "subprocess.Popen[str]":
        """Start Snakemake as the leader of a process group; its output goes to `console.txt`."""
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
        """The output of the run so far."""
        return (self.folder / "console.txt").read_text(encoding="utf-8", errors="replace")

    def run(self, *arguments: str, cores: int = 2, code: int | None = 0, **environment: str) -> Ran:
        """Run Snakemake to its end; `code` is the expected exit code, None for any but 0."""
        process = self.start(*arguments, cores=cores, **environment)
        try:
            process.wait(PATIENCE)
        finally:
            end(process)
        ran = Ran(process.returncode, self.console())
        assert ran.code == code if code is not None else ran.code != 0, ran.text
        return ran

    def plan(self, *targets: str) -> dict[str, int]:
        """The jobs that would run: rule -> number of jobs."""
        return self.run("-n", *targets).jobs

    @contextmanager
    def running(self, *arguments: str, **options: int) -> "Iterator[subprocess.Popen[str]]":
        """A run in the background; killed at the end if it is still running."""
        process = self.start(*arguments, **options)
        try:
            yield process
        finally:
            end(process)

    def wait_for(self, process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
        """Wait until `condition()` is true while the run continues."""
        limit = time.monotonic() + PATIENCE
        while not condition():
            assert process.poll() is None and time.monotonic() < limit, self.console()
            time.sleep(0.02)

    def path(self, name: str) -> Path:
        """A file of the results."""
        return self.results / name

    def read(self, name: str) -> dict[str, dict[str, object]]:
        """A JSON product."""
        return json.loads(self.path(name).read_bytes())

    def products(self) -> dict[str, str]:
        """Product -> digest; of raw outputs and statistics without the parts that differ between runs."""
        digests = {}
        for path in sorted(self.results.rglob("*")):
            name = path.relative_to(self.results).as_posix()
            if path.is_file() and not name.startswith(("logs/", "benchmarks/", "inputs.json")):
                digests[name] = hashlib.sha256(self._reproducible(name, path.read_bytes())).hexdigest()
        return digests

    def _reproducible(self, name: str, data: bytes) -> bytes:
        if re.fullmatch(r"captions/raw_\d+\.jsonl", name):
            lines = [json.loads(line) for line in data.splitlines()]
            return json.dumps([line | {"seconds": None} for line in lines]).encode()
        return b"" if re.fullmatch(r"captions/stats_\d+\.json", name) else data

    def journal(self) -> list[dict[str, object]]:
        """The finished generations."""
        return [json.loads(line) for line in self.journal_lines()]

    def journal_lines(self) -> list[bytes]:
        """The complete lines of the journal, also while it is being written."""
        files = sorted(self.folder.glob("journal/*.jsonl"))
        return [line for file in files for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def left_behind(self) -> list[str]:
        """Unfinished and temporary files."""
        return [str(path) for path in self.results.rglob("*") if re.search(r"\.part$|\.spool$|\.ids$", path.name)]


def end(process: "subprocess.Popen[str]") -> None:
    """Kill a run and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def new_project(folder: Path, **config: object) -> Project:
    """A copy of the project without results, with changed config keys."""
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
    """A copy with results and with Snakemake's records of them."""
    shutil.copytree(project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder)
