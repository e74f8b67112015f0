"""Progress as lines of text, for a terminal."""

from collections.abc import Iterator

from booruflow.captioning.gpus.monitor import GpuReading
from booruflow.core.errors import counted_noun
from booruflow.review.live_progress import Progress, ShardState

STATES = ("running", "waiting", "stopped", "not started", "done")
"""In the order in which shards are shown where there are too many."""


def progress_lines(progress: Progress, max_shards: int | None = None) -> list[str]:
    """Lines of text: the total, the GPUs, and at most so many shards (None for all), those that are running before others."""
    if progress.note:
        return [progress.note]
    lines = [_total(progress)]
    if progress.parsed:
        lines.append(f"{progress.bad:,} of {progress.parsed:,} parsed answers bad ({progress.bad / progress.parsed:.2%})")
    if progress.answers:
        lines.append(
            f"{progress.cut:,} of {progress.answers:,} answers cut off or looping ({progress.cut / progress.answers:.2%})"
        )
    lines += [_gpu(number, gpu) for number, gpu in enumerate(progress.gpus)]
    shown = set(sorted(progress.shards, key=lambda shard: STATES.index(shard.state))[:max_shards])
    if not shown:
        return lines
    lines += _table([shard for shard in progress.shards if shard in shown], len({shard.style for shard in progress.shards}) > 1)
    if len(progress.shards) > len(shown):
        lines.append(f"... and {counted_noun(len(progress.shards) - len(shown), 'more shard')}")
    return lines


def _total(progress: Progress) -> str:
    text = f"{progress.captions:,} of {progress.total:,} captions"
    if progress.without:
        text += f", {progress.without:,} skipped or failed"
    text += f" ({_share(progress.captions + progress.without, progress.total):.1%})"
    if progress.per_second is not None:
        text += f", {progress.per_second:.2f} images/s"
    if progress.seconds_left is not None:
        text += f", {_duration(progress.seconds_left)} left"
    return text if progress.running else f"{text}; nothing is running"


def _gpu(number: int, gpu: GpuReading) -> str:
    parts = [f"GPU {number}: {gpu.name}"]
    parts += [f"{gpu.temperature} C"] if gpu.temperature is not None else []
    if gpu.memory_used is not None and gpu.memory_total:
        parts.append(f"{gpu.memory_used / 2**30:.1f} of {gpu.memory_total / 2**30:.1f} GiB")
    parts += [f"{gpu.utilisation}% busy"] if gpu.utilisation is not None else []
    return ", ".join(parts)


def _table(shards: list[ShardState], styles: bool) -> Iterator[str]:
    width = max((len(shard.style) for shard in shards), default=0) + 2 if styles else 0
    yield f"{'style' if styles else '':{width}}{'shard':>6} {'posts':>9} {'captions':>9} {'without':>9} {'':>5}  state"
    for shard in shards:
        share = _share(shard.captions + shard.without, shard.posts)
        counts = f"{shard.posts:>9} {shard.captions:>9} {shard.without:>9} {share:>5.0%}"
        since = "" if shard.quiet_seconds is None else f", last caption {_duration(shard.quiet_seconds)} ago"
        yield f"{shard.style if styles else '':{width}}{shard.number:>6} {counts}  {shard.state}{since}"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * (days > 0) + [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (days == 0)
    return " ".join(parts)
