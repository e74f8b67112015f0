"""What a person sees when a job of a workflow fails or is stopped, with Snakemake itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "scripts/booruflow"

SNAKEFILE = """
rule work:
    output: "product.txt"
    log: "logs/work.log"
    script: "scripts/work.py"
"""

SCRIPT = """
import time
from booruflow.core.errors import UserError
from booruflow.core.files import written_whole
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule), written_whole(snakemake.output[0]) as part:
    part.write_text("half")
    if snakemake.config["fail"]:
        raise UserError("posts.parquet, row 3: no id: mend the row")
    time.sleep(60)
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/work.py").write_text(SCRIPT)
    (tmp_path / "scripts/booruflow").symlink_to(LIBRARY)
    return tmp_path


def start(folder: Path, fail: bool) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", f"fail={fail}"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def test_a_user_error_is_said_once_and_without_traceback(workflow: Path) -> None:
    running = start(workflow, fail=True)
    console = running.communicate(timeout=120)[0]
    assert running.returncode == 1
    assert console.splitlines().count("[work] error: posts.parquet, row 3: no id: mend the row") == 1
    assert "Traceback" not in console
    assert (workflow / "logs/work.log").read_text() == "error: posts.parquet, row 3: no id: mend the row\n"
    assert not list(workflow.glob("*product*"))


def test_ctrl_c_ends_a_run_at_once_and_leaves_nothing_half_written(workflow: Path) -> None:
    running = start(workflow, fail=False)
    deadline = time.monotonic() + 120
    while not list(workflow.glob(".product.txt.part")):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    console = running.communicate(timeout=30)[0]
    assert running.returncode == 1
    assert "[work] stopped by SIGINT" in console
    assert "Traceback" not in console
    assert not list(workflow.glob("*product*"))
    assert not list(workflow.glob(".product*"))
