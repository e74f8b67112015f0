from booruflow.captioning.gpus.monitor import GpuReading
from booruflow.review.live_progress import Progress, ShardState
from booruflow.review.progress_text import progress_lines


def state(style, number, posts, captions, without, state, quiet=None):
    return ShardState(style, number, posts, captions, without, state, quiet)


def test_each_shard_with_its_counts_and_its_last_caption():
    shards = [
        state("json", 0, 10, 3, 1, "stopped", 3700.0),
        state("json", 1, 10, 8, 2, "done"),
        state("json", 2, 0, 0, 0, "not started"),
    ]
    total, head, *lines = progress_lines(Progress(shards, 20, 11, 3))
    assert total == "11 of 20 captions, 3 skipped or failed (70.0%); nothing is running"
    assert head.split() == ["shard", "posts", "captions", "without", "state"]
    assert [line.split(maxsplit=5) for line in lines] == [
        ["0", "10", "3", "1", "40%", "stopped, last caption 1 h 2 min ago"],
        ["1", "10", "8", "2", "100%", "done"],
        ["2", "0", "0", "0", "100%", "not started"],
    ]
    assert [line.index(word) for line, word in zip([head, *lines], ("state", "stop", "done", "not"), strict=True)] == [44] * 4


def test_styles_are_named_where_there_are_several():
    shards = [state("long", 0, 10, 3, 0, "waiting"), state("short-tags", 0, 10, 8, 0, "waiting")]
    lines = progress_lines(Progress(shards, 20, 11, running=True))
    assert [line.split()[:2] for line in lines[1:]] == [["style", "shard"], ["long", "0"], ["short-tags", "0"]]
    assert len({line.index(word) for line, word in zip(lines[1:], ("state", "waiting", "waiting"), strict=True)}) == 1


def test_of_a_gpu_what_it_reports_is_shown():
    gpus = [GpuReading("H100", 61, 40 << 30, 80 << 30, 97), GpuReading("does not answer", None, None, None, None)]
    assert progress_lines(Progress(gpus=gpus, running=True))[1:] == [
        "GPU 0: H100, 61 C, 40.0 of 80.0 GiB, 97% busy",
        "GPU 1: does not answer",
    ]


def test_of_many_shards_those_that_run_are_shown():
    states = [state("json", n, 10, 10, 0, "running" if n in (40, 70) else "done") for n in range(100)]
    lines = progress_lines(Progress(states, 1000, 1000, running=True), 3)
    assert [line.split()[0] for line in lines[-4:]] == ["0", "40", "70", "..."]
    assert len(progress_lines(Progress(states, 1000, 1000, running=True))) == 102
