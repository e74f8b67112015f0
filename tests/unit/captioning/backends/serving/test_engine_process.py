"""An engine that runs, stands still and ends, with Python's own web server as the engine."""

import sys
import threading

import psutil

from booruflow.captioning.backends.serving import engine_process
from booruflow.captioning.backends.serving.engine_process import EngineProcess


def test_an_engine_is_unreachable_while_it_neither_answers_nor_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_process, "PROBE_SECONDS", 0.2)
    log = tmp_path / "engine.log"
    process = EngineProcess(
        lambda port: [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], {}, log, "/", []
    )
    try:
        process.wait_until_ready(60, threading.Event())
        assert not process.is_unreachable(60)
        (engine,) = psutil.Process(process._supervisor.pid).children()
        engine.suspend()
        assert process.is_unreachable(0.5)
        engine.kill()
        assert not process.is_unreachable(60)
    finally:
        process.kill()
    assert process.status
