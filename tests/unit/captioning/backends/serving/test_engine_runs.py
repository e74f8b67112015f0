"""Which requests a dying engine costs, with an engine and a client that are none."""

import asyncio

import pytest

from booruflow.captioning.backends.serving.chat_client import Completion, ConnectionLostError, ServerError
from booruflow.captioning.backends.serving.engine_runs import MAX_RESTARTS, EngineRuns, Run

COMPLETION = Completion("a cat", "stop", 1, 2)


class Process:
    name, url = "engine", "http://127.0.0.1:1/v1"

    def __init__(self):
        self.status = None
        self.asked = False
        self.died = asyncio.Event()

    def die(self):
        self.status = 137
        self.died.set()

    def kill(self):
        pass

    def is_unreachable(self, seconds):
        return False

    def shown(self, message):
        return str(message)


class Client:
    """Answers after all that are in flight have come; a request that says so kills the engine, with all of them."""

    def __init__(self, process):
        self.process = process

    async def complete(self, body):
        await asyncio.sleep(0.01)
        if body == b"kill":
            self.process.die()
        try:
            await asyncio.wait_for(self.process.died.wait(), 0.02)
        except TimeoutError:
            return COMPLETION
        raise ConnectionLostError("connection lost")

    async def close(self):
        pass


class Limit:
    """Always the same, so that the same requests are in flight when the engine dies again."""

    value = 8

    def in_flight(self, requests):
        pass

    answered = died = refused = lambda self: None


class Runs(EngineRuns):
    def __init__(self, client=Client):
        self.client = client
        self.processes = [Process()]
        super().__init__(self.processes[0], self._next, Limit(), 20, None)

    def _next(self):
        self.processes.append(Process())
        self.processes[-1].asked = True
        return self.processes[-1]

    def _new_run(self, process):
        return Run(process, self.client(process))


@pytest.mark.parametrize("killers", [1, 2])
def test_only_the_requests_that_kill_the_engine_are_given_up(killers):
    async def answers():
        runs = Runs()
        bodies = [b"kill" if number in range(3, 3 + killers) else b"caption" for number in range(20)]
        found = await asyncio.gather(*map(runs.complete, bodies), return_exceptions=True)
        return bodies, found, len(runs.processes)

    bodies, found, starts = asyncio.run(answers())
    assert [answer for body, answer in zip(bodies, found, strict=True) if body == b"caption"] == [COMPLETION] * (20 - killers)
    reasons = [str(answer) for body, answer in zip(bodies, found, strict=True) if body == b"kill"]
    assert reasons == ["the engine ended 3 times while it had this request (connection lost)"] * killers
    assert starts <= 1 + MAX_RESTARTS


class LosesFirst(Client):
    """Loses the connection of the first request."""

    async def complete(self, body):
        if not self.process.asked:
            self.process.asked = True
            raise ConnectionLostError("connection lost")
        return COMPLETION


@pytest.mark.parametrize("end", ["ends meanwhile", "does not answer", "answers"])
def test_a_lost_connection_is_the_engines_fault_if_it_ends_or_does_not_answer(end, capsys):
    async def answer():
        runs = Runs(LosesFirst)
        process = runs.processes[0]

        def is_unreachable(seconds):
            process.status = 1 if end == "ends meanwhile" else None
            return end == "does not answer"

        process.is_unreachable = is_unreachable
        (found,) = await asyncio.gather(runs.complete(b"caption"), return_exceptions=True)
        return found, len(runs.processes)

    found, starts = asyncio.run(answer())
    if end == "answers":
        assert isinstance(found, ServerError) and starts == 1
    else:
        assert found == COMPLETION and starts == 2
        assert ("died" if end == "ends meanwhile" else "does not answer for 60 s") in capsys.readouterr().err
