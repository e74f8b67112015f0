"""An engine that this job has started: a process on a port of its own, which never outlives the job."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

from booruflow.captioning.backends.serving import diagnosis, supervisor
from booruflow.captioning.backends.serving.redaction import redact
from booruflow.captioning.gpus.leases import held_locks
from booruflow.core.errors import UserError

HOST = "127.0.0.1"
POLL_SECONDS = 0.2
PROBE_SECONDS = 5.0
"""The time that the engine has to say whether it is ready."""
KEPT_FROM_ENGINES = ("BOORUFLOW_CAPTIONER", "OPENAI_API_KEY")
"""Environment variables that can hold a secret of another backend."""
SIGKILL_STATUS = 137


class EngineError(UserError):
    """The engine did not start; `kind` says why (see `diagnosis.CAUSES`), "" if it is not known."""

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class EngineProcess:
    """A running engine, below a supervisor (see `supervisor`) that ends it when this process ends."""

    def __init__(
        self, command: Callable[[int], list[str]], environment: Mapping[str, str], log: Path, health: str, secrets: list[str]
    ) -> None:
        """Start it; see `wait_until_ready`.

        Args:
            command: the words of the command, for a port.
            environment: variables beside those of this process.
            log: receives its output, behind what is there.
            health: the path that answers 200 when it is ready.
            secrets: not shown in messages.

        Raises:
            UserError: see `command`.
        """
        self.log, self._health, self._secrets = log, health, secrets
        self.port = _free_port()
        words = command(self.port)
        self.name = Path(words[0]).name
        variables = {name: value for name, value in os.environ.items() if name not in KEPT_FROM_ENGINES}
        with log.open("ab") as file:
            self._log_start = file.tell()
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", supervisor.__file__, *words],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**variables, **environment},
                start_new_session=True,  # Ctrl-C in a terminal first ends the requests, then the engine
                pass_fds=held_locks(),  # nobody gets the GPU of a killed job before its engine is gone
            )
        self.started = time.monotonic()

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def status(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._supervisor.poll()

    def wait_until_ready(self, seconds: float, cancelled: threading.Event) -> None:
        """Wait until it takes requests.

        Raises:
            EngineError: it ended, or was not ready in time.
            UserError: cancelled.
        """
        deadline = time.monotonic() + seconds
        while not cancelled.wait(POLL_SECONDS):
            ready = self._is_ready()
            if self.status is not None:
                raise self.failure("ended before it was ready")
            if ready:
                return
            if time.monotonic() > deadline:
                failure = self.failure(
                    f"was not ready after {seconds:g} s", "raise captioner.server.start_timeout, or read its log"
                )
                self.kill()
                raise failure
        raise UserError("captioner.server: stopped while the engine was starting")

    def is_unreachable(self, seconds: float) -> bool:
        """Whether for so many seconds it neither ends nor is ready; returns as soon as one of both is the case."""
        deadline = time.monotonic() + seconds
        while self.status is None and not self._is_ready():
            if time.monotonic() > deadline:
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _is_ready(self) -> bool:
        connection = HTTPConnection(HOST, self.port, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", self._health)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def failure(self, what: str, remedy: str = diagnosis.UNKNOWN_REMEDY) -> EngineError:
        """The error that says what happened to the engine and why; shows the last lines of its log."""
        lines = [self.shown(line) for line in diagnosis.last_lines(self.log, self._log_start)]
        sys.stderr.write("".join(f"engine: {line}\n" for line in lines[-diagnosis.SHOWN_LINES :]))
        cause = diagnosis.cause_of(lines)
        status = "" if self.status is None else f" with exit code {self.status}"
        quoted = cause.line if cause else lines[-1].strip() if lines else "it wrote nothing"
        if cause is None and self.status == SIGKILL_STATUS:
            remedy = "it was killed, as the system does when memory runs out: give the job more (captioner.mem_mb)"
        return EngineError(
            f"captioner.server: the engine {self.name} {what}{status} ({quoted}): {cause.remedy if cause else remedy}; its log is"
            f" {self.log}",
            cause.kind if cause else "",
        )

    def shown(self, message: object) -> str:
        """A message without secrets."""
        return redact(message, self._secrets)

    def stop(self) -> None:
        """Let it end by itself, and kill it if it does not; returns when nothing of it is left."""
        self._end(b"s")

    def kill(self) -> None:
        """Kill it; returns when nothing of it is left."""
        self._end(b"")

    def _end(self, message: bytes) -> None:
        pipe = self._supervisor.stdin
        assert pipe is not None
        if not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.write(message)
                pipe.flush()
            if not message:
                _close(pipe)
        self._supervisor.wait()
        _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _free_port() -> int:
    """A port of this machine's own that nothing listens on."""
    with socket.socket() as attempt:
        attempt.bind((HOST, 0))
        return int(attempt.getsockname()[1])
