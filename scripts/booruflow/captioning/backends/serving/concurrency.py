"""How many requests are in flight: as many as make the engine faster, found while it works.

The limit doubles as long as that raises the rate of answers, so it ends at one to two times what the engine works on at a time,
and the engine always has the next request at hand. It halves when the engine refuses or times out, and starts again from one
after the engine has died.
"""

import time

START, MAXIMUM = 8, 512
WINDOW_ROUNDS = 2
"""A rate is measured over this many answers for each request in flight."""
MIN_WINDOW = 16
GAIN = 1.08
"""Doubling the requests is kept up if it makes the answers this much faster."""
REST_WINDOWS = 30
"""Windows after which another doubling is tried."""


class ConcurrencyLimit:
    """The limit, and what is known of the engine's rate; `answered` is called for each answer."""

    def __init__(self, maximum: int = MAXIMUM) -> None:
        self.maximum = maximum
        self._restart(min(START, maximum))
        self._regained = self.value

    def _restart(self, value: int) -> None:
        self.value = value
        self._best_rate = 0.0
        self._rest = 0
        self._open_window()

    def _open_window(self) -> None:
        self._start, self._answers, self._reached = time.monotonic(), 0, 0

    def answered(self, in_flight: int) -> None:
        """An answer came, while `in_flight` requests were in flight, with the answered one."""
        if self.value < self._regained:
            self.value += 1
            self._open_window()
            return
        self._answers += 1
        self._reached += in_flight >= self.value
        if self._answers < max(MIN_WINDOW, WINDOW_ROUNDS * self.value):
            return
        rate = self._answers / max(time.monotonic() - self._start, 1e-9)
        if self._reached * 2 > self._answers:  # otherwise images were missing, and the rate says nothing of the limit
            self._adjust(rate)
        self._open_window()

    def _adjust(self, rate: float) -> None:
        if self._rest:
            self._rest -= 1
            if not self._rest:
                self._best_rate = 0.0
            return
        if rate > self._best_rate * GAIN and self.value < self.maximum:
            self._best_rate = rate
            self.value = min(self.value * 2, self.maximum)
        else:
            self._rest = REST_WINDOWS

    def refused(self) -> None:
        """The engine had too much: half as many, and no more for a while."""
        self._restart(max(1, self.value // 2))
        self._rest = REST_WINDOWS

    def died(self) -> None:
        """The engine died: send one request, then two, four and so on, up to half as many as before.

        So few others are in flight when a request kills the engine again.
        """
        self._regained = max(1, self.value // 2)
        self._restart(1)
