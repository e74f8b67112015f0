import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from booruflow.core.jobs import RUN_CONSOLE

LIBRARY = Path(__file__).parents[3] / "scripts"

PROGRAM = """
import os, sys, threading, time
sys.path.insert(0, {library!r})
from booruflow.core.errors import UserError
from booruflow.core.files import written_whole
from booruflow.core.jobs import job
from booruflow.core.progress import progress

with job("logs/deep/it.log", "merge 3"):
{body}
print("after", file=sys.stderr)
"""


def program(folder: Path, body: str) -> list[str]:
    text = PROGRAM.format(library=str(LIBRARY), body=textwrap.indent(textwrap.dedent(body), "    "))
    (folder / "it.py").write_text(text)
    return [sys.executable, "it.py"]


def run(folder: Path, body: str) -> tuple[int, str, str]:
    """Exit code, console, log."""
    done = subprocess.run(program(folder, body), cwd=folder, capture_output=True)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode(), (folder / "logs/deep/it.log").read_text()


def test_output_goes_to_the_log_and_to_the_console_with_the_name_of_the_job(tmp_path: Path) -> None:
    code, console, log = run(tmp_path, "print('one\\n\\ntwo \\u2603 \\ud800')\nsys.stderr.write('unfinished')")
    assert (code, log) == (0, "one\ntwo ☃ \\ud800\nunfinished\n")
    assert console == "[merge 3] one\n[merge 3] two ☃ \\ud800\n[merge 3] unfinished\nafter\n"


@pytest.fixture
def run_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_CONSOLE, "1")


@pytest.mark.usefixtures("run_console")
def test_a_job_leaves_what_it_found_and_its_warnings_to_the_console_of_the_run(tmp_path: Path) -> None:
    body = """
    print('2 posts')
    print('warning: 1 of them is odd')
    sys.stderr.write('warning: a full cache\\nwaiting\\n')
    print('3 tags', end='')
    """
    code, console, log = run(tmp_path, body)
    lines = ["2 posts", "warning: 1 of them is odd", "warning: a full cache", "waiting", "3 tags"]
    assert (code, log.splitlines()) == (0, [*lines, "done: 2 posts; 3 tags"])
    assert console == "[merge 3] waiting\nafter\n"


@pytest.mark.usefixtures("run_console")
def test_a_job_leaves_its_error_to_the_console_of_the_run_and_is_not_done(tmp_path: Path) -> None:
    assert run(tmp_path, "print('2 posts')\nraise UserError('x')") == (1, "", "2 posts\nerror: x\n")


@pytest.mark.usefixtures("run_console")
def test_what_a_job_found_is_bounded(tmp_path: Path) -> None:
    assert run(tmp_path, "pass")[2] == ""
    lines = run(tmp_path, "for n in range(1000): print(n)")[2].splitlines()
    assert lines[:-1] == [str(n) for n in range(1000)]
    assert lines[-1] == "done: " + "; ".join(str(n) for n in range(990, 1000))


def test_output_that_bypasses_python_goes_to_the_log_in_order(tmp_path: Path) -> None:
    code, console, log = run(tmp_path, "print('a')\nos.write(2, b'b\\n')\nos.system('echo c >&2')\nprint('d')")
    assert (code, log) == (0, "a\nb\nc\nd\n")
    assert console == "[merge 3] a\n[merge 3] d\nafter\n"


def test_a_user_error_is_one_line(tmp_path: Path) -> None:
    code, console, log = run(tmp_path, "raise UserError('x.parquet, row 3: no id: fill it in')")
    assert (code, log) == (1, "error: x.parquet, row 3: no id: fill it in\n")
    assert console == f"[merge 3] {log}"


def test_another_error_keeps_its_traceback(tmp_path: Path) -> None:
    code, console, log = run(tmp_path, "{}['x']")
    assert code == 1
    assert log.startswith("Traceback")
    assert log.endswith("KeyError: 'x'\n")
    assert console.count("KeyError: 'x'") == 1


def test_an_exit_code_is_kept(tmp_path: Path) -> None:
    assert run(tmp_path, "sys.exit(7)") == (7, "", "")
    assert run(tmp_path, "sys.exit('stopped on purpose')") == (1, "[merge 3] stopped on purpose\n", "stopped on purpose\n")
    assert run(tmp_path, "raise KeyboardInterrupt") == (130, "", "")


def test_progress_bars_and_threads_write_whole_lines(tmp_path: Path) -> None:
    body = """
    import booruflow.core.progress
    booruflow.core.progress.SHOWN_AFTER = 0
    def write(name):
        for i in range(200):
            print(name, i, "x" * 50)
    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    with progress(2, "counting") as bar:
        with progress(1, "counting inside") as inner:
            inner.update(1)
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        bar.update(2)
    """
    code, console, log = run(tmp_path, body)
    lines = log.splitlines()
    assert code == 0
    assert "\x1b" not in console
    bars = [line for line in lines if line.startswith("counting")]
    assert "0%" in bars[0]
    assert "100%" in bars[-1]
    written = [f"{name} {i} {'x' * 50}" for name in "ab" for i in range(200)]
    assert sorted(line for line in lines if line not in bars) == sorted(written)
    assert [f"[merge 3] {line}" for line in lines] == console.splitlines()[:-1]


def test_a_closed_console_does_not_end_the_job(tmp_path: Path) -> None:
    process = subprocess.Popen(
        program(tmp_path, "sys.stdin.read()\nprint('x')\nos.write(2, b'done\\n')\nos._exit(0)"),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stderr
    process.stderr.close()
    process.stdin.close()
    assert process.wait(30) == 0
    assert (tmp_path / "logs/deep/it.log").read_text() == "x\ndone\n"


def test_a_log_that_cannot_be_written_is_reported_once_and_hides_no_error(tmp_path: Path) -> None:
    (tmp_path / "logs/deep").mkdir(parents=True)
    (tmp_path / "logs/deep/it.log").symlink_to("/dev/full")
    command = program(tmp_path, "print('one')\nprint('two')\nraise UserError('x.parquet: cannot be written: free space')")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    warning = "the log cannot be written (No space left on device): lines appear on the console only"
    lines = [warning, "one", "two", "error: x.parquet: cannot be written: free space"]
    assert done.stderr == "".join(f"[merge 3] {line}\n" for line in lines)
    assert done.returncode == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_job_after_its_cleanup(tmp_path: Path, number: signal.Signals, code: int) -> None:
    body = """
    try:
        with written_whole("product") as part:
            part.write_text("half")
            try:
                time.sleep(60)
            except Exception:
                pass
    finally:
        os.kill(os.getpid(), 2)  # a second signal does not interrupt the cleanup
        os.kill(os.getpid(), 15)
        print("cleaned up")
    """
    process = subprocess.Popen(program(tmp_path, body), cwd=tmp_path, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (tmp_path / ".product.part").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    console = process.communicate(timeout=30)[1].decode()
    assert process.returncode == code
    assert console == f"[merge 3] stopped by {number.name}\n[merge 3] cleaned up\n"
    assert {path.name for path in tmp_path.iterdir()} == {"it.py", "logs"}
