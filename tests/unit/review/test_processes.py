import subprocess
import sys

import psutil

from booruflow.review.processes import Worker, processes_in


def test_the_processes_that_work_in_a_folder_are_found(tmp_path):
    (tmp_path / "below").mkdir()
    command = [sys.executable, "-c", "input()", "a word"]
    own, other = (subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE) for folder in (tmp_path, tmp_path / "below"))
    with own, other:
        assert [(worker.process.pid, worker.command) for worker in processes_in(tmp_path)] == [(own.pid, command)]


def test_snakemake_is_known_by_its_command():
    def is_snakemake(*command):
        return Worker(psutil.Process(), list(command)).is_snakemake

    assert is_snakemake("/usr/bin/python", "/opt/bin/snakemake", "--cores", "2")
    assert is_snakemake("python", "-m", "snakemake")
    assert not is_snakemake("tail", "-f", "snakemake.log")
    assert not is_snakemake("booruflow", "review", "--folder", "snakemake")


def test_a_job_is_known_by_its_script():
    assert Worker(psutil.Process(), ["python", "/data/set/.snakemake/scripts/tmp1.caption.py"]).is_job
    assert not Worker(psutil.Process(), ["python", "-m", "snakemake", "--cores", "2"]).is_job
