"""Progress as lines of text, for a terminal."""

from booruflow.review.live_progress import Progress

STATES = ("running", "waiting", "stopped", "not started", "done")
"""In the order in which shards are shown where there are too many."""


def progress_lines(progress: Progress, max_shards: int = 20) -> list[str]:
    """A few lines of text: the total, the GPUs, and at most so many shards, those that are running before others."""
    if progress.note:
        return [progress.note]
    total = f"{progress.finished:,} of {progress.posts:,} images captioned ({progress.finished / max(progress.posts, 1):.1%})"
    if progress.per_second is not None:
        total += f", {progress.per_second:.2f} images/s"
    if progress.seconds_left is not None:
        total += f", {_duration(progress.seconds_left)} left"
    lines = [total if progress.running else f"{total}; nothing is running"]
    if progress.parsed:
        lines.append(f"{progress.bad:,} of {progress.parsed:,} parsed answers bad ({progress.bad / progress.parsed:.2%})")
    if progress.answers:
        lines.append(
            f"{progress.cut:,} of {progress.answers:,} answers cut off or looping ({progress.cut / progress.answers:.2%})"
        )
    for gpu in progress.gpus:
        parts = [gpu.name]
        parts += [f"{gpu.temperature} C"] if gpu.temperature is not None else []
        if gpu.memory_used is not None and gpu.memory_total:
            parts.append(f"{gpu.memory_used / 2**30:.1f} of {gpu.memory_total / 2**30:.1f} GiB")
        parts += [f"{gpu.utilisation}% busy"] if gpu.utilisation is not None else []
        lines.append(", ".join(parts))
    if not max_shards:
        return lines
    shown = sorted(progress.shards, key=lambda shard: (STATES.index(shard.state), shard.number))[:max_shards]
    lines += [f"{'shard':>6} {'posts':>9} {'finished':>9} {'':>5}  state"]
    for shard in sorted(shown, key=lambda shard: shard.number):
        share = shard.finished / max(shard.posts, 1)
        lines.append(f"{shard.number:>6} {shard.posts:>9} {shard.finished:>9} {share:>5.0%}  {shard.state}")
    if len(progress.shards) > len(shown):
        lines.append(f"... and {len(progress.shards) - len(shown)} more shards")
    return lines


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d"] * (days > 0) + [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (days == 0)
    return " ".join(parts)
