import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from booruflow.cli import resume

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
"""Begins the code of a job that SIGTERM does not stop."""


@pytest.mark.parametrize(("code", "number"), [("", signal.SIGTERM), (DEAF, signal.SIGKILL)])
def test_a_job_that_has_ended_is_not_waited_for_where_nothing_collects_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], code: str, number: int
) -> None:
    (tmp_path / "config.yaml").touch()
    script = tmp_path / ".snakemake/scripts/job.py"
    script.parent.mkdir(parents=True)
    script.write_text(f"{code}print(flush=True); import time; time.sleep(100)")
    monkeypatch.setattr(resume, "STOP_TIMEOUT", 10 if number == signal.SIGTERM else 1)
    with subprocess.Popen([sys.executable, script], cwd=tmp_path, stdout=subprocess.PIPE) as job:
        assert job.stdout
        job.stdout.readline()
        start = time.monotonic()
        assert resume.resume_run(tmp_path, []) == 1, "there is no Snakefile"
        took = time.monotonic() - start
        assert psutil.Process(job.pid).status() == psutil.STATUS_ZOMBIE
    assert job.returncode == -number
    assert "1 job of the killed run stopped" in capfd.readouterr().out
    assert took < 10, "it waited for a process that has ended"
