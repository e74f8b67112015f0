"""How many requests are in flight: as many as make the engine faster, found while it works.

The limit doubles as long as that raises the rate of answers, so it ends at one to two times what the engine works on at a time,
and the engine always has the next request at hand. It halves when the engine refuses or times out, and starts again from one
after the engine has died.
"""

import time

START, MAXIMUM = 8, 512
WINDOW_ROUNDS = 2
"""A rate is measured over this many answers for each request in flight."""
MIN_WINDOW = 32
GAIN, LATE_GAIN = 1.08, 1.2
"""Doubling the requests is kept up if it makes the answers this much faster: at first, and in a later trial, since one of many
trials would come out so by chance."""
REST_WINDOWS = 30
"""Windows after which another doubling is tried, and taken back if it does not help."""


class ConcurrencyLimit:
    """The limit, and what is known of the engine's rate."""

    def __init__(self, maximum: int = MAXIMUM) -> None:
        self.maximum = maximum
        self._in_flight, self._changed = 0, time.monotonic()
        self._restart(min(START, maximum))
        self._regained = self.value

    def _restart(self, value: int) -> None:
        self.value = value
        self._best_rate = 0.0
        self._rest = 0
        self._before_trial: int | None = None
        self._open_window()

    def _open_window(self) -> None:
        self._start, self._answers, self._full_seconds = time.monotonic(), 0, 0.0

    def in_flight(self, requests: int) -> None:
        """So many requests are in flight from now on."""
        now = time.monotonic()
        if self._in_flight >= self.value:
            self._full_seconds += now - max(self._changed, self._start)
        self._in_flight, self._changed = requests, now

    def answered(self) -> None:
        """An answer came."""
        if self.value < self._regained:
            self.value += 1
            self._open_window()
            return
        self._answers += 1
        if self._answers < max(MIN_WINDOW, WINDOW_ROUNDS * self.value):
            return
        self.in_flight(self._in_flight)
        seconds = max(time.monotonic() - self._start, 1e-9)
        if self._full_seconds > seconds / 2:  # otherwise images were missing, and the rate says nothing of the limit
            self._adjust(self._answers / seconds)
        self._open_window()

    def _adjust(self, rate: float) -> None:
        if self._rest:
            self._rest -= 1
            if not self._rest and self.value < self.maximum:
                self._before_trial = self.value
                self._double(rate)
        elif rate > self._best_rate * (LATE_GAIN if self._before_trial else GAIN) and self.value < self.maximum:
            self._before_trial = None
            self._double(rate)
        else:
            self.value = self._before_trial or self.value
            self._before_trial = None
            self._rest = REST_WINDOWS

    def _double(self, rate: float) -> None:
        self._best_rate = rate
        self.value = min(self.value * 2, self.maximum)

    def refused(self) -> None:
        """The engine had too much: half as many, and no more for a while."""
        self._restart(max(1, self.value // 2))
        self._regained = self.value
        self._rest = REST_WINDOWS

    def died(self) -> None:
        """The engine died: send one request, then two, four and so on, up to half as many as before.

        So few others are in flight when a request kills the engine again.
        """
        self._regained = max(1, self.value // 2)
        self._restart(1)
