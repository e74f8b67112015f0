"""Memory, power and temperature of the GPU while a job runs, and pauses while it is too hot."""

import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

INTERVAL = 2.0
"""Seconds between two readings."""
HYSTERESIS = 3
"""A pause ends this many degrees below the limit, so that not every batch begins with a pause."""


class GpuMonitor:
    """Reads a GPU's sensors in a thread, as far as NVML is available; use it as a context manager."""

    def __init__(self, gpu: str | None, max_temperature: int | None, stopped: Callable[[], bool]) -> None:
        """`gpu` is an entry of CUDA_VISIBLE_DEVICES, or None; `max_temperature` is in degrees Celsius.

        A pause ends at once when `stopped` returns True.
        """
        self._max_temperature, self._stopped = max_temperature, stopped
        self._nvml: Any
        self._handle: object
        self._nvml, self._handle = _nvml_handle(gpu) if gpu else (None, None)
        self._temperatures: list[int] = []
        self._watts: list[float] = []
        self._peak_gpu_memory = 0
        self._paused_seconds = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._record, name="sensors", daemon=True)

    def __enter__(self) -> Self:
        if self._nvml is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait_until_cool(self) -> None:
        """If the GPU is hotter than the limit, wait until it is `HYSTERESIS` degrees below it."""
        if self._max_temperature is None or (self._temperature() or 0) <= self._max_temperature:
            return
        sys.stderr.write(f"the GPU is hotter than {self._max_temperature} degrees: pausing\n")
        start = time.monotonic()
        while (self._temperature() or 0) > self._max_temperature - HYSTERESIS and not self._stopped():
            time.sleep(INTERVAL)
        self._paused_seconds += time.monotonic() - start

    def figures(self) -> dict[str, Any]:
        """For the stats: memory in bytes, power in watts, temperature in degrees Celsius; null without readings."""
        watts, temperatures = self._watts, self._temperatures
        return {
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "peak_gpu_memory": self._peak_gpu_memory or None,
            "mean_watts": round(sum(watts) / len(watts), 1) if watts else None,
            "peak_watts": max(watts, default=None),
            "mean_temperature": round(sum(temperatures) / len(temperatures), 1) if temperatures else None,
            "peak_temperature": max(temperatures, default=None),
            "paused_seconds": round(self._paused_seconds, 1),
        }

    def _temperature(self) -> int | None:
        return self._reading(lambda nvml, handle: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))

    def _reading(self, read: Callable[[Any, object], int]) -> int | None:
        """One reading, or None: not every GPU has every sensor."""
        if self._nvml is None:
            return None
        try:
            return read(self._nvml, self._handle)
        except self._nvml.NVMLError:
            return None

    def _record(self) -> None:
        while not self._end.wait(INTERVAL):
            if (temperature := self._temperature()) is not None:
                self._temperatures.append(temperature)
            if (milliwatts := self._reading(lambda nvml, handle: nvml.nvmlDeviceGetPowerUsage(handle))) is not None:
                self._watts.append(milliwatts / 1000)
            used = self._reading(lambda nvml, handle: nvml.nvmlDeviceGetMemoryInfo(handle).used)
            self._peak_gpu_memory = max(self._peak_gpu_memory, used or 0)


def _nvml() -> Any:  # noqa: ANN401 (a module without types)
    """The module, ready for calls, or None if NVML is not available."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _nvml_handle(gpu: str) -> tuple[Any, object]:
    """NVML's module and its handle of a GPU, given by number or UUID; (None, None) if it does not give one."""
    nvml = _nvml()
    if nvml is None:
        return None, None
    try:
        return nvml, nvml.nvmlDeviceGetHandleByIndex(int(gpu)) if gpu.isdecimal() else nvml.nvmlDeviceGetHandleByUUID(gpu)
    except nvml.NVMLError:
        return None, None


@dataclass(frozen=True)
class GpuReading:
    """The present state of a GPU: degrees Celsius, bytes, and the percentage of time in use; None where it has no such sensor."""

    name: str
    temperature: int | None
    memory_used: int | None
    memory_total: int | None
    utilisation: int | None


def read_gpus() -> list[GpuReading]:
    """All GPUs of this machine that NVML can reach: one may be lost, or not be ours; none where NVML is not available."""
    nvml = _nvml()
    readings = []
    for number in range(nvml.nvmlDeviceGetCount() if nvml else 0):
        with suppress(nvml.NVMLError):
            readings.append(_reading_of(nvml, nvml.nvmlDeviceGetHandleByIndex(number)))
    return readings


def _reading_of(nvml: Any, handle: object) -> GpuReading:  # noqa: ANN401 (a module without types)
    def value(read: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            return read()
        except nvml.NVMLError:
            return None

    name = value(lambda: nvml.nvmlDeviceGetName(handle)) or "GPU"
    memory = value(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    return GpuReading(
        name=name.decode() if isinstance(name, bytes) else str(name),
        temperature=value(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        memory_used=memory.used if memory else None,
        memory_total=memory.total if memory else None,
        utilisation=value(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    )
