"""Config sections for the backend `server` with the fake engine, and what is left of its processes."""

import sys
import time
from pathlib import Path

import psutil
from small_shards import CAPTIONER

FAKE_ENGINE = Path(__file__).with_name("fake_engine.py")


def captioner(folder: Path, *behaviour, **options):
    """The config section of a job with a fake engine, which logs to `folder`/answers."""
    program = [sys.executable, str(FAKE_ENGINE), "--port", "{port}", "--log", str(folder / "answers"), *map(str, behaviour)]
    server = {"engine": "custom", "program": program, "arguments": [], "model_arguments": [], "extra_body": {}}
    server |= {"start_timeout": 30, "timeout": 20, "restart_after": None} | options
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model/config.json").write_text("{}")
    changes = {"backend": "server", "model": str(folder / "model"), "server": server}
    return CAPTIONER | changes | {"engine_log": str(folder / "engine.log")}


def answered(folder: Path) -> list[str]:
    """The tag of each request that the engine answered, in order."""
    log = folder / "answers"
    return [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []


def starts(folder: Path) -> list[list[str]]:
    """Process id, port and CUDA_VISIBLE_DEVICES of each start."""
    log = folder / "answers.starts"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def none_left(folder: Path, seconds: float = 5) -> bool:
    """True if no process of an engine that logs to `folder` is left after so many seconds at most, nor the child of one."""
    deadline = time.monotonic() + seconds
    while left := _left(folder):
        if time.monotonic() > deadline:
            print(left)
            return False
        time.sleep(0.05)
    return True


def _left(folder: Path) -> list[psutil.Process]:
    child = folder / "answers.child"
    left = (
        [psutil.Process(pid) for pid in map(int, child.read_text().split()) if psutil.pid_exists(pid)] if child.exists() else []
    )
    for process in psutil.process_iter(["cmdline"]):
        if str(folder / "answers") in (process.info["cmdline"] or []):
            left.append(process)
    return [process for process in left if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
