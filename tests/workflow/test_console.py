"""What the console shows when a job of a workflow fails or is stopped, with Snakemake itself."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SNAKEFILE = f"""
import time
from pathlib import Path

include: "{ROOT}/rules/internals.smk"

silence_ctrl_c(Path(workflow.basedir) / "scripts")
if config["console"] == "ours":
    import sys
    sys.path.insert(0, "{ROOT}/scripts")
    from booruflow.cli.console import console
    show_by(console)

def no_input(wildcards):
    if config["pause"] == "planning":
        Path("planning").touch()
        while not Path("interrupted").exists():  # Snakemake reacts when its own code goes on
            time.sleep(0.01)
    return []

rule work:
    input: no_input
    output: "product.txt"
    log: "logs/work.log"
    script: "scripts/work.py"
"""

SCRIPT = """
import time
from pathlib import Path

if snakemake.config["pause"] == "importing":
    Path("importing").touch()
    time.sleep(60)

from booruflow.core.errors import UserError
from booruflow.core.files import written_whole
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule), written_whole(snakemake.output[0]) as part:
    part.write_text("half")
    print("warning: few posts")
    print("3 posts")
    if snakemake.config["pause"] == "never":
        raise UserError("posts.parquet, row 3: no id: fill it in")
    if snakemake.config["pause"] != "finishing":
        Path("working").touch()
        time.sleep(60)
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/work.py").write_text(SCRIPT)
    (tmp_path / "scripts/booruflow").symlink_to(ROOT / "scripts/booruflow")
    return tmp_path


def start(folder: Path, pause: str, *options: str, console: str = "default") -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *options, "--config", f"pause={pause}", f"console={console}"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def job_runs(folder: Path) -> bool:
    """Whether there is a process, perhaps still without a line of Python run, that is to run a script of the workflow."""
    script = f"{folder}/.snakemake/scripts/".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program, *arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if b"python" in program and any(argument.startswith(script) for argument in arguments):
            return True
    return False


def test_a_user_error_appears_once_and_without_traceback(workflow: Path) -> None:
    running = start(workflow, pause="never")
    console = running.communicate(timeout=120)[0]
    assert running.returncode == 1
    assert console.splitlines().count("[work] error: posts.parquet, row 3: no id: fill it in") == 1
    assert f'CalledProcessError in file "{workflow}/Snakefile"' in console, "Snakemake names the place of the rule"
    assert "Traceback" not in console
    assert (
        workflow / "logs/work.log"
    ).read_text() == "warning: few posts\n3 posts\nerror: posts.parquet, row 3: no id: fill it in\n"
    assert not list(workflow.glob("*product*"))


def test_a_run_says_what_each_job_found_and_its_warnings_last(workflow: Path) -> None:
    running = start(workflow, "finishing", console="ours")
    said = running.communicate(timeout=120)[0]
    assert running.returncode == 0, said
    lines = said.splitlines()
    first = lines.index("1 job: work")
    assert re.fullmatch(r"\d\d:\d\d:\d\d +work +starts", lines[first + 1])
    assert re.fullmatch(r"\d\d:\d\d:\d\d +1/1 +work +done in \d+ s: 3 posts", lines[first + 2])
    assert lines[first + 3 :] == ["", "[work] warning: few posts"]


def test_the_error_of_a_job_is_the_last_line(workflow: Path) -> None:
    running = start(workflow, "never", console="ours")
    said = running.communicate(timeout=120)[0]
    assert running.returncode == 1
    assert said.endswith("\n\n[work] error: posts.parquet, row 3: no id: fill it in\n")
    assert "Exception" not in said


@pytest.mark.parametrize("options", [("-n",), ("--verbose",), ("--quiet", "all")])
def test_another_console_that_the_user_chose_stays(workflow: Path, options: tuple[str, ...]) -> None:
    said = start(workflow, "finishing", *options, console="ours").communicate(timeout=120)[0]
    assert "1 job: work" not in said
    assert ("rule work:" in said) == (options != ("--quiet", "all"))


@pytest.mark.parametrize("moment", ["planning", "starting", "importing", "working"])
def test_ctrl_c_ends_a_run_at_once_without_traceback_or_half_written_file(workflow: Path, moment: str) -> None:
    running = start(workflow, pause=moment)
    deadline = time.monotonic() + 120
    while not (job_runs(workflow) if moment == "starting" else (workflow / moment).exists()):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.001)
    os.killpg(running.pid, signal.SIGINT)
    (workflow / "interrupted").touch()
    console = running.communicate(timeout=30)[0]
    assert running.returncode == (-signal.SIGINT if moment == "planning" else 1)
    assert ("[work] stopped by SIGINT" in console) == (moment == "working")
    assert "Traceback" not in console
    assert "KeyboardInterrupt" not in console
    assert not job_runs(workflow)
    assert not list(workflow.glob("*product*"))
    assert not list(workflow.glob(".product*"))
