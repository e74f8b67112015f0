import sys
import time
from types import SimpleNamespace

import pynvml
import pytest

from booruflow.captioning.gpus import monitor as module
from booruflow.captioning.gpus.monitor import GpuMonitor, GpuReading, read_gpus


@pytest.fixture
def gpu(monkeypatch):
    """A GPU whose temperature follows a script, in place of NVML's functions."""
    gpu = SimpleNamespace(temperatures=[50], watts=200.0, handles=[])

    def temperature(handle, kind):
        assert kind == pynvml.NVML_TEMPERATURE_GPU
        gpu.handles.append(handle)
        return gpu.temperatures.pop(0) if len(gpu.temperatures) > 1 else gpu.temperatures[0]

    def power(handle):
        if gpu.watts is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int(gpu.watts * 1000)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda number: ("number", number))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: ("uuid", uuid))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTemperature", temperature)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", power)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda _: SimpleNamespace(used=5 << 30))
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    return gpu


def never():
    return False


@pytest.mark.parametrize(("name", "handle"), [("1", ("number", 1)), ("GPU-5", ("uuid", "GPU-5"))])
def test_a_gpu_is_read_while_the_block_runs(gpu, name, handle):
    with GpuMonitor(name, None, never) as monitor:
        time.sleep(0.2)
    figures = monitor.figures()
    assert (figures["mean_watts"], figures["peak_watts"], figures["peak_temperature"]) == (200, 200, 50)
    assert figures["peak_gpu_memory"] == 5 << 30
    assert set(gpu.handles) == {handle}


def test_a_gpu_without_a_power_sensor_still_gives_its_temperature(gpu):
    gpu.watts = None
    with GpuMonitor("0", None, never) as monitor:
        time.sleep(0.1)
    assert monitor.figures()["mean_watts"] is None
    assert monitor.figures()["mean_temperature"] == 50


def test_a_hot_gpu_pauses_until_it_is_cooler(gpu):
    gpu.temperatures = [86, 84, 83, 82, 81]
    monitor = GpuMonitor("0", 85, never)
    monitor.wait_until_cool()
    assert gpu.temperatures == [81]  # 82 ended it
    assert monitor.figures()["paused_seconds"] >= 0
    monitor.wait_until_cool()
    assert len(gpu.handles) == 5


def test_a_pause_ends_when_the_run_is_stopped(gpu):
    gpu.temperatures = [99]
    GpuMonitor("0", 85, lambda: True).wait_until_cool()


def test_without_a_gpu_or_nvml_only_memory_is_known(monkeypatch):
    with GpuMonitor(None, 80, never) as monitor:
        monitor.wait_until_cool()
    figures = monitor.figures()
    assert figures.pop("peak_memory") > 1 << 20
    assert set(figures.values()) == {None, 0.0}
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with GpuMonitor("0", 80, never) as monitor:
        monitor.wait_until_cool()
    assert monitor.figures()["peak_temperature"] is None


def test_all_gpus_are_read_and_a_sensor_that_is_not_there_is_none(gpu, monkeypatch):
    def unsupported(_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda handle: f"GPU {handle[1]}".encode())
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda _: SimpleNamespace(used=5 << 30, total=24 << 30))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", unsupported)
    first, second = read_gpus()
    assert first == GpuReading("GPU 0", 50, 5 << 30, 24 << 30, None)
    assert second.name == "GPU 1"

    def first_is_lost(number):
        if number == 0:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return ("number", number)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", first_is_lost)
    assert read_gpus() == [second]


def test_without_nvml_there_are_no_gpus(monkeypatch):
    def absent():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    assert read_gpus() == []
