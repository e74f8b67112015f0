"""What the GPU and the process do while a job runs: memory, power, temperature."""

import resource
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

EVERY = 2.0
"""Seconds between two looks at the GPU."""
COOLER_BY = 3
"""A pause ends when the GPU is so many degrees below the limit: not a pause at every batch."""


class Watch:
    """Looks at a GPU in a thread, as far as NVML is there; use it as a context manager."""

    def __init__(self, gpu: str | None, max_temperature: int | None, stopped: Callable[[], bool]) -> None:
        """`gpu` is an entry of CUDA_VISIBLE_DEVICES, or None; `max_temperature` is in degrees Celsius.

        A pause ends at once when `stopped` says so.
        """
        self._limit, self._stopped = max_temperature, stopped
        self._nvml: Any
        self._handle: object
        self._nvml, self._handle = _found(gpu) if gpu else (None, None)
        self._temperatures: list[int] = []
        self._watts: list[float] = []
        self._peak_gpu = 0
        self._paused = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="sensors", daemon=True)

    def __enter__(self) -> Self:
        if self._nvml is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def cool(self) -> None:
        """Wait while the GPU is hotter than the limit, until it is a little cooler than that."""
        if self._limit is None or (self._temperature() or 0) <= self._limit:
            return
        sys.stderr.write(f"the GPU is hotter than {self._limit} degrees: pausing\n")
        begun = time.monotonic()
        while (self._temperature() or 0) > self._limit - COOLER_BY and not self._stopped():
            time.sleep(EVERY)
        self._paused += time.monotonic() - begun

    def figures(self) -> dict[str, Any]:
        """For the stats; memory in bytes, seconds, watts, degrees Celsius; null where nothing was seen."""
        watts, temperatures = self._watts, self._temperatures
        return {
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "peak_gpu_memory": self._peak_gpu or None,
            "mean_watts": round(sum(watts) / len(watts), 1) if watts else None,
            "peak_watts": max(watts, default=None),
            "mean_temperature": round(sum(temperatures) / len(temperatures), 1) if temperatures else None,
            "peak_temperature": max(temperatures, default=None),
            "paused": round(self._paused, 1),
        }

    def _temperature(self) -> int | None:
        return self._reading(lambda nvml, handle: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))

    def _reading(self, read: Callable[[Any, object], int]) -> int | None:
        """What the GPU tells, or None: not every GPU tells everything."""
        if self._nvml is None:
            return None
        try:
            return read(self._nvml, self._handle)
        except self._nvml.NVMLError:
            return None

    def _look_on(self) -> None:
        while not self._end.wait(EVERY):
            if (temperature := self._temperature()) is not None:
                self._temperatures.append(temperature)
            if (milliwatts := self._reading(lambda nvml, handle: nvml.nvmlDeviceGetPowerUsage(handle))) is not None:
                self._watts.append(milliwatts / 1000)
            used = self._reading(lambda nvml, handle: nvml.nvmlDeviceGetMemoryInfo(handle).used)
            self._peak_gpu = max(self._peak_gpu, used or 0)


def _found(gpu: str) -> tuple[Any, object]:
    """NVML's module, and its handle of a GPU given by number or UUID; (None, None) when it is not there."""
    try:
        import pynvml
    except ImportError:
        return None, None
    try:
        pynvml.nvmlInit()
        if gpu.isdecimal():
            return pynvml, pynvml.nvmlDeviceGetHandleByIndex(int(gpu))
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(gpu)
    except pynvml.NVMLError:
        return None, None
