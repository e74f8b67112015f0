"""An engine over the length of a job: started again when it has died, hangs or fails, and after so many answers.

No request is lost by that: one that was in flight is sent again to the next run of the engine. One that was in flight when the
engine died twice is then sent alone; if the engine dies while it has nothing but this request, the request is given up.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from booruflow.captioning.backends.serving.chat_client import (
    AnswerTimeoutError,
    BusyError,
    ChatClient,
    Completion,
    ConnectionLostError,
    ServerError,
)
from booruflow.captioning.backends.serving.concurrency import ConcurrencyLimit
from booruflow.captioning.backends.serving.engine_process import EngineProcess
from booruflow.core.errors import UserError

RETRIES = 2
"""Of a request that the engine refuses for the moment."""
MAX_DEATHS = 2
"""The runs of the engine that may end with a request in flight before it is sent alone, or given up if it was alone then."""
MAX_RESTARTS = 5
"""Unplanned restarts with fewer than ENOUGH_ANSWERS answers before each."""
ENOUGH_ANSWERS = 100
MAX_FAULTS = 4
"""Requests in a row that end with an error of the engine before it is restarted."""
UNREACHABLE_SECONDS = 60.0
"""After a lost connection: the time in which the engine ends or answers again. Writing out tens of GB at its end takes long."""


@dataclass
class Run:
    """One run of the engine."""

    process: EngineProcess
    client: ChatClient
    sent: int = 0
    in_flight: int = 0
    answers: int = 0
    faults_in_a_row: int = 0
    last_sign_of_life: float = field(default_factory=time.monotonic)


class EngineRuns:
    """The runs of an engine; its coroutines belong to one event loop."""

    def __init__(
        self,
        first: EngineProcess,
        start: Callable[[], EngineProcess],
        limit: ConcurrencyLimit,
        timeout: float,
        restart_after: int | None,
    ) -> None:
        """`start` makes a new process that is ready, `timeout` is that of an answer in seconds.

        After `restart_after` answers the engine is restarted, against leaks.
        """
        self.limit = limit
        self._start, self._timeout, self._restart_after = start, timeout, restart_after
        self._run = self._new_run(first)
        self._change = asyncio.Condition()
        self._unplanned = 0
        self._suspects = 0  # that wait or are in flight
        self._error: UserError | None = None

    def _new_run(self, process: EngineProcess) -> Run:
        return Run(process, ChatClient(process.url, "", self._timeout, RETRIES, proxies=False))

    @property
    def process(self) -> EngineProcess:
        """The process of the present run."""
        return self._run.process

    async def close(self) -> None:
        """Close the connections; the process goes on."""
        await self._run.client.close()

    async def complete(self, body: bytes) -> Completion:
        """The completion for a request, however often the engine has to be restarted for it.

        Raises:
            RequestError: see `ChatClient`.
            UserError: the engine does not start again, or dies again and again.
        """
        deaths = 0
        while True:
            suspect = deaths >= MAX_DEATHS
            run = await self._enter(suspect)
            number, alone = run.sent, run.in_flight == 1
            try:
                completion = await run.client.complete(body)
            except ServerError as error:
                fault = error
            else:
                run.answers += 1
                run.faults_in_a_row = 0
                run.last_sign_of_life = time.monotonic()
                self.limit.answered()
                return completion
            finally:
                alone = alone and run.sent == number
                await self._leave(run, suspect)
            if not await self._has_ended(run, fault):
                raise fault
            deaths += 1
            if deaths >= MAX_DEATHS and alone:
                raise ServerError(f"the engine ended {deaths} times while it had this request ({fault.reason})")

    async def _enter(self, suspect: bool) -> Run:
        """The present run, with room for a request; for a suspect, with no other request in it until it leaves."""
        async with self._change:
            self._suspects += suspect
            while True:
                if self._error is not None:
                    raise self._error
                run = self._run
                if self._restart_after is not None and run.sent >= self._restart_after:
                    if not run.in_flight:
                        await self._replace(f"restarted after {run.answers:,} answers")
                        continue
                elif run.in_flight < (1 if suspect else 0 if self._suspects else self.limit.value):
                    run.in_flight += 1
                    run.sent += 1
                    self.limit.in_flight(run.in_flight)
                    return run
                await self._change.wait()

    async def _leave(self, run: Run, suspect: bool) -> None:
        async with self._change:
            run.in_flight -= 1
            self._suspects -= suspect
            if run is self._run:
                self.limit.in_flight(run.in_flight)
            self._change.notify_all()

    async def _has_ended(self, run: Run, error: ServerError) -> bool:
        """After a fault: True if the run that had the request is over, also because the fault is now taken for its end."""
        async with self._change:
            if self._error is not None:
                raise self._error
            if run is not self._run:
                return True
            lost = isinstance(error, ConnectionLostError)
            if lost and await asyncio.to_thread(run.process.is_unreachable, UNREACHABLE_SECONDS):
                reason: str | None = f"does not answer for {UNREACHABLE_SECONDS:g} s"
            else:
                reason = self._fault_of(run, error)
            if reason is None:
                return False
            self._unplanned = 1 if run.answers >= ENOUGH_ANSWERS else self._unplanned + 1
            if self._unplanned > MAX_RESTARTS:
                self._error = run.process.failure(
                    f"{reason}, {MAX_RESTARTS + 1} times with less than {ENOUGH_ANSWERS} answers between"
                )
                self._change.notify_all()
                raise self._error
            self.limit.died()
            await self._replace(f"{reason}: restarted ({self._unplanned} of {MAX_RESTARTS} times in a row)")
            return True

    def _fault_of(self, run: Run, error: ServerError) -> str | None:
        """What is wrong with the engine, or None if the request may be at fault."""
        if run.process.status is not None:
            return "died"
        if isinstance(error, AnswerTimeoutError):
            if time.monotonic() - run.last_sign_of_life >= self._timeout:
                return f"hangs: no answer for {self._timeout:g} s"
            self.limit.refused()
            return None
        if isinstance(error, BusyError):
            self.limit.refused()
            return None
        run.faults_in_a_row += 1
        if run.faults_in_a_row >= MAX_FAULTS:
            return f"failed {MAX_FAULTS} requests in a row ({run.process.shown(error.reason)})"
        return None

    async def _replace(self, notice: str) -> None:
        """End the present run and start the next one; the caller holds the condition, so that no request is sent meanwhile."""
        run = self._run
        sys.stderr.write(f"engine {run.process.name} {notice}\n")
        try:
            await asyncio.to_thread(run.process.kill)
            await run.client.close()
            self._run = self._new_run(await asyncio.to_thread(self._start))
        except UserError as error:
            self._error = error
            raise
        finally:
            self._change.notify_all()
