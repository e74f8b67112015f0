"""Concurrent requests from a generator: an event loop in a thread of its own, which no work on images delays."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from booruflow.captioning.backends.interface import Answer, Prepared

ResultT = TypeVar("ResultT")
HAND_OVER_SECONDS = 0.1
"""While there is room for requests: the time between two looks at the answers. Each hand-over waits for the disk."""


class RequestLoop:
    """An event loop that runs in a thread while the block runs; use it as a context manager."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="requests", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.start(_cancel_all()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        """Start a coroutine in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def answers(
        self,
        requests: Iterator[Prepared],
        answer: Callable[[Prepared], Coroutine[Any, Any, Answer]],
        limit: Callable[[], int],
    ) -> Iterator[list[Answer]]:
        """Answer all requests, at most `limit()` of them at a time; yields answers as they come.

        An exception of `answer` ends this: what is in progress is first finished and yielded.
        """
        finished: SimpleQueue[Future[Answer]] = SimpleQueue()
        in_flight, open_, failure = 0, True, None
        while open_ or in_flight:
            done = [finished.get()] if in_flight and (not open_ or in_flight >= limit()) else []
            while not finished.empty():
                done.append(finished.get())
            in_flight -= len(done)
            failure = failure or next((error for future in done if (error := future.exception())), None)
            if answers := [future.result() for future in done if not future.exception()]:
                yield answers
            open_ = open_ and failure is None
            deadline = time.monotonic() + HAND_OVER_SECONDS
            while open_ and in_flight < limit() and time.monotonic() < deadline:
                prepared = next(requests, None)
                if prepared is None:
                    open_ = False
                else:
                    in_flight += 1
                    self.start(answer(prepared)).add_done_callback(finished.put)
        if failure is not None:
            raise failure


async def _cancel_all() -> None:
    """Cancel what a generator that was closed has left."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
