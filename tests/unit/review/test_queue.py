import polars as pl
import pytest
from small_dataset import IDS, of_kind, write

from booruflow.review import queue as queue_module
from booruflow.review.queue import Queue, QueueFilter

BAD = of_kind("bad", "edited bad")


@pytest.fixture
def queue(dataset):
    return Queue(dataset)


def ids(queue, **conditions):
    page = queue.page(QueueFilter(**({"done": None} | conditions)), count=1000)
    assert page.total == len(page.items)
    return [item.id for item in page.items]


def save(dataset, post, action, text=""):
    dataset.edits.save(post, action, text, version=dataset.edits.get(post).version, session="s")


def test_bad_outputs_are_in_the_queue_until_they_are_done(queue, dataset):
    assert ids(queue, done=False) == ids(queue) == BAD
    save(dataset, BAD[0], "caption", "A girl.")
    save(dataset, BAD[1], "left")
    save(dataset, BAD[2], "tags only")
    assert (ids(queue, done=True), ids(queue, done=False), ids(queue)) == (BAD[:3], BAD[3:], BAD)
    counts = queue.counts()
    assert (counts.left, counts.done, counts.reasons) == (len(BAD) - 3, 3, {"truncated": len(BAD) - 3})
    assert sum(counts.shards.values()) == counts.left
    assert [item.edit for item in queue.page(QueueFilter(done=True)).items] == ["caption", "left", "tags only"]


def test_filters(queue, dataset):
    assert ids(queue, rating="s") == [post for post in BAD if post % 4 == 1]
    assert ids(queue, tag="even") == [post for post in BAD if post % 2 == 0]
    assert ids(queue, text="RED hair") == BAD
    assert ids(queue, text="red hair", tag="even", rating="g", reason="truncated") == [post for post in BAD if post % 4 == 0]
    assert ids(queue, text="blue") == ids(queue, reason="refusal") == []
    by_shard = [ids(queue, shard=number) for number in range(3)]
    assert sorted(post for some in by_shard for post in some) == BAD and all(by_shard)


def test_steps_go_to_the_next_that_is_left(queue, dataset):
    wanted = QueueFilter()
    assert queue.step(wanted, -1).id == BAD[0]
    assert (queue.step(wanted, BAD[0]).id, queue.step(wanted, BAD[1], -1).id) == (BAD[1], BAD[0])
    save(dataset, BAD[1], "left")
    assert (queue.step(wanted, BAD[0]).id, queue.step(wanted, BAD[1]).id) == (BAD[2], BAD[2])
    assert (queue.step(wanted, BAD[-1]), queue.step(wanted, BAD[0], -1)) == (None, None)


@pytest.mark.parametrize("few", [0, 500])
def test_marked_and_flagged_good_ones_are_in_the_queue_too(queue, dataset, folder, monkeypatch, few):
    monkeypatch.setattr(queue_module, "FEW", few)
    marked, flagged = of_kind("base")[1], of_kind("good")[0]
    dataset.edits.mark(marked, True, version="", session="s")
    (folder / "results/quality").mkdir()
    rows = [(flagged, "echo", ""), (flagged, "long", ""), (of_kind("good")[1], "long", "")]
    pl.DataFrame(rows, schema=["id", "flag", "detail"], orient="row").write_parquet(folder / "results/quality/flags.parquet")
    assert ids(queue) == sorted([*BAD, marked])
    monkeypatch.setitem(dataset.settings.config, "quality", {"queue": ["echo"]})
    assert ids(queue) == sorted([*BAD, marked, flagged])
    assert ids(queue, flag="echo") == [flagged]
    item = queue.step(QueueFilter(flag="echo"), -1)
    assert (item.reason, item.flags, item.marked, item.shard, item.done) == ("", ("echo",), False, None, False)
    assert queue.counts().flags == {"echo": 1}
    assert ids(queue, text="good") == [flagged] and ids(queue, text="base") == [marked]
    save(dataset, flagged, "left")
    assert ids(queue, done=True) == [flagged]


def test_a_queue_follows_its_products(queue, folder):
    assert ids(queue) == BAD
    for number in range(3):
        path = folder / f"results/captions/bad_{number}.json"
        write(path, {IDS[number]: {"text": "x", "finish_reason": "stop", "reason": "refusal"}})
    assert ids(queue, reason="refusal") == ids(queue) == IDS[:3]
    for number in range(3):
        (folder / f"results/captions/bad_{number}.json").unlink()
    assert (ids(queue), queue.counts().left, queue.step(QueueFilter(), -1)) == ([], 0, None)
