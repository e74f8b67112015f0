"""What the card and the process do while a job runs: memory, power, temperature."""

import resource
import threading
import time
from types import TracebackType
from typing import Any, Self, cast

EVERY = 2.0
"""Seconds between two looks at the card."""
COOLER_BY = 3
"""A pause ends when the card is so many degrees below the limit: not a pause at every batch."""


class Watch:
    """Looks at a card in a thread, as far as NVML is there; use it as a context manager."""

    def __init__(self, card: str | None, max_temperature: int | None) -> None:
        """`card` is an entry of CUDA_VISIBLE_DEVICES, or None; `max_temperature` is in degrees Celsius."""
        self._limit = max_temperature
        self._handle = _nvml_handle(card) if card else None
        self._temperatures: list[int] = []
        self._watts: list[float] = []
        self._peak_card = 0
        self._paused = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="sensors", daemon=True)

    def __enter__(self) -> Self:
        if self._handle is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def cool(self) -> None:
        """Wait while the card is hotter than the limit, until it is a little cooler than that."""
        if self._handle is None or self._limit is None or self._temperature() <= self._limit:
            return
        begun = time.monotonic()
        while self._temperature() > self._limit - COOLER_BY and not self._end.wait(EVERY):
            pass
        self._paused += time.monotonic() - begun

    def figures(self) -> dict[str, Any]:
        """For the stats; memory in bytes, seconds, watts, degrees Celsius; null where nothing was seen."""
        watts, temperatures = self._watts, self._temperatures
        return {
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "peak_card_memory": self._peak_card or None,
            "mean_watts": round(sum(watts) / len(watts), 1) if watts else None,
            "peak_watts": max(watts, default=None),
            "mean_temperature": round(sum(temperatures) / len(temperatures), 1) if temperatures else None,
            "peak_temperature": max(temperatures, default=None),
            "paused": round(self._paused, 1),
        }

    def _temperature(self) -> int:
        import pynvml

        return int(pynvml.nvmlDeviceGetTemperature(self._handle, pynvml.NVML_TEMPERATURE_GPU))

    def _look_on(self) -> None:
        import pynvml

        while not self._end.wait(EVERY):
            self._temperatures.append(self._temperature())
            self._watts.append(pynvml.nvmlDeviceGetPowerUsage(self._handle) / 1000)
            self._peak_card = max(self._peak_card, int(pynvml.nvmlDeviceGetMemoryInfo(self._handle).used))


def _nvml_handle(card: str) -> object | None:
    """NVML's handle of a card given by number or UUID; None when NVML is not there."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        by_number = card.isdecimal()
        find = pynvml.nvmlDeviceGetHandleByIndex if by_number else pynvml.nvmlDeviceGetHandleByUUID
        return cast(object, find(int(card) if by_number else card))
    except pynvml.NVMLError:
        return None
