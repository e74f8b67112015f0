"""The backend `server` with a real process as its engine: every way in which an engine or its job can end."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from engines import answered, captioner, none_left, starts
from small_shards import make_shard, row

from booruflow.captioning.backends.server import ServerBackend
from booruflow.captioning.backends.serving import engine_runs
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.core.errors import UserError

HELPERS = Path(__file__).parents[3] / "helpers"


def run(tmp_path, config, posts=12):
    """Run a job; returns the ids in raw and the failed requests by id."""
    shard = make_shard(tmp_path, [row(n) for n in range(posts)])
    outputs = Outputs(*(tmp_path / name for name in ("raw", "skipped.json", "failed.json", "stats.json")))
    try:
        caption_shard(shard, config, [ServerBackend(config)], outputs, threads=2)
    finally:
        assert none_left(tmp_path)
    raw = [json.loads(line)["id"] for line in outputs.raw.read_text().splitlines()]
    return raw, json.loads(outputs.failed.read_text())


def test_the_engine_answers_and_is_gone_afterwards(tmp_path):
    raw, failed = run(tmp_path, captioner(tmp_path, "--say", "hello from the engine"))
    assert (raw, failed) == (list(range(12)), {})
    assert sorted(answered(tmp_path)) == sorted(f"tag_{n}" for n in range(12))
    assert len(starts(tmp_path)) == 1
    assert "hello from the engine" in (tmp_path / "engine.log").read_text()


def test_an_engine_that_does_not_want_to_end_is_killed_with_its_children(tmp_path, monkeypatch):
    started = time.monotonic()
    run(tmp_path, captioner(tmp_path, "--stubborn"), posts=2)
    assert 10 < time.monotonic() - started < 25


def start_job(tmp_path, config, stderr=subprocess.DEVNULL, number=0, count=1, **environment):
    command = [sys.executable, HELPERS / "caption_job.py", tmp_path, str(number), str(count), json.dumps(config)]
    return subprocess.Popen(command, stderr=stderr, env=os.environ | environment)


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["starting", "answering"])
def test_no_engine_outlives_its_job(tmp_path, number, moment):
    make_shard(tmp_path, [row(n) for n in range(200)])
    behaviour = ["--never-ready"] if moment == "starting" else ["--rate", "20", "--stubborn"]
    job = start_job(tmp_path, captioner(tmp_path, *behaviour))
    wait_for(lambda: starts(tmp_path) if moment == "starting" else len(answered(tmp_path)) > 3)
    job.send_signal(number)
    assert job.wait(20) == (-9 if number == signal.SIGKILL else 128 + number)
    assert none_left(tmp_path)


def test_nothing_is_lost_or_asked_twice_when_the_job_is_killed_again_and_again(tmp_path):
    posts, rng, kills = 120, random.Random(3), 10
    make_shard(tmp_path, [row(n) for n in range(posts)])
    config = captioner(tmp_path, "--rate", "60", "--slots", "4")
    for _ in range(kills):
        job = start_job(tmp_path, config)
        before = len(answered(tmp_path))
        wait_for(lambda before=before: len(answered(tmp_path)) > before or job.poll() is not None)  # noqa: B023
        time.sleep(rng.uniform(0, 0.1))
        job.kill()
        job.wait()
        assert none_left(tmp_path)
    assert start_job(tmp_path, config).wait(60) == 0
    raw = [json.loads(line)["id"] for line in (tmp_path / "raw_0").read_text().splitlines()]
    journal = [json.loads(line)["id"] for line in (tmp_path / "journal/shard_0_of_1.jsonl").read_text().splitlines()]
    assert raw == sorted(journal) == list(range(posts))
    again = sum(Counter(answered(tmp_path)).values()) - posts
    assert again <= kills * 8, "at most the requests in flight"


@pytest.mark.parametrize("death", [["--die-after", "5"], ["--fail-after", "5"], ["--hang-after", "5"]])
def test_an_engine_that_fails_in_mid_shard_is_restarted(tmp_path, death, capsys):
    raw, failed = run(tmp_path, captioner(tmp_path, *death, "--bad-starts", "2", timeout=2), posts=40)
    assert (raw, failed) == (list(range(40)), {})
    assert len(starts(tmp_path)) == 3
    again = sum(Counter(answered(tmp_path)).values()) - 40
    assert again <= 2 * 8
    assert len(re.findall("engine .*: restarted", capsys.readouterr().err)) == 2


def test_a_request_that_kills_the_engine_fails_alone(tmp_path):
    raw, failed = run(tmp_path, captioner(tmp_path, "--poison", "tag_17"), posts=60)
    assert raw == [n for n in range(60) if n != 17]
    assert list(failed) == ["17"]
    assert "the engine ended 2 times while it had this request" in failed["17"]["reason"]


def test_an_engine_that_dies_again_and_again_ends_the_job(tmp_path, capsys):
    config = captioner(tmp_path, "--die-after", "1", "--say", "torch.OutOfMemoryError: CUDA out of memory")
    with pytest.raises(UserError) as error:
        run(tmp_path, config, posts=60)
    assert re.fullmatch(
        r"captioner\.server: the engine python\S* died, 6 times with less than 100 answers between with exit code 137"
        r" \(torch.OutOfMemoryError: CUDA out of memory\): not enough memory: .*; its log is \S+engine.log",
        str(error.value),
    )
    assert len(starts(tmp_path)) == engine_runs.MAX_RESTARTS + 1
    assert (tmp_path / "journal/shard_0_of_1.jsonl").read_text() == "", "it died before it sent any answer"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("ValueError: Free memory on device (2.1/24 GiB) on startup is less than desired", "not enough memory"),
        ("RuntimeError: Found no NVIDIA driver on your system", "the GPU cannot be used"),
        ("OSError: /models/x does not appear to have a file named config.json", "correct captioner.model"),
        ("ERROR: [Errno 98] error while attempting to bind on address: address already in use", "its port was taken"),
        ("ModuleNotFoundError: No module named 'flash_attn'", "lacks a package"),
        ("vllm: error: unrecognized arguments: --no-such-thing", "does not know an argument"),
        ("something else", "read its log"),
    ],
)
def test_an_engine_that_does_not_come_up_is_one_line_with_its_own_last_line_and_the_remedy(tmp_path, capsys, line, remedy):
    with pytest.raises(UserError) as error:
        run(tmp_path, captioner(tmp_path, "--say", line, "--exit", "3"))
    message = str(error.value)
    assert message.startswith("captioner.server: the engine ") and "\n" not in message
    assert f"ended before it was ready with exit code 3 ({line}): " in message and remedy in message
    assert str(tmp_path / "engine.log") in message
    assert f"engine: {line}\n" in capsys.readouterr().err
    assert len(starts(tmp_path)) == (3 if "port" in remedy else 1)


def test_an_engine_whose_port_was_taken_gets_another_one(tmp_path):
    behaviour = ["--say", "OSError: [Errno 98] address already in use", "--exit", "1", "--bad-starts", "2"]
    raw, failed = run(tmp_path, captioner(tmp_path, *behaviour))
    assert (raw, failed) == (list(range(12)), {})
    assert len({port for _, port, _ in starts(tmp_path)}) == 3


ENDED = r"captioner\.server: the engine python\S* {}, 6 times .* \(it wrote nothing\): {}; its log is \S+engine\.log"


@pytest.mark.parametrize(
    ("end", "line"),
    [
        (["--die-after", "1"], ENDED.format("died", r"it was killed, .*\(captioner\.mem_mb\)")),
        (["--hang-after", "0"], ENDED.format("hangs: no answer for 1 s", "read its log")),
        (
            ["--fail-after", "0"],
            r"captioner\.server: the engine python\S* is at fault: \d+ caption requests in a row failed"
            r" \(status 500: CUDA error.*\), and so did a test with a plain image \(it wrote nothing\): "
            r"read its log, and run again to continue; its log is \S+engine\.log",
        ),
    ],
)
def test_an_engine_that_ends_again_and_again_without_a_word_is_one_line(tmp_path, end, line):
    config = captioner(tmp_path, *end, timeout=1 if "--hang-after" in end else 20)
    with pytest.raises(UserError) as error:
        run(tmp_path, config, posts=60)
    assert re.fullmatch(line, str(error.value)), str(error.value)


def test_an_engine_that_fails_every_request_is_named_with_what_its_log_says(tmp_path, capsys):
    config = captioner(tmp_path, "--fail-after", "0", "--say", "torch.OutOfMemoryError: CUDA out of memory")
    with pytest.raises(
        UserError, match=r"\(torch.OutOfMemoryError: CUDA out of memory\): not enough memory: .*; its log is \S+engine.log$"
    ):
        run(tmp_path, config, posts=3)
    assert "engine: torch.OutOfMemoryError: CUDA out of memory\n" in capsys.readouterr().err


def test_an_engine_that_is_never_ready_is_given_up(tmp_path):
    with pytest.raises(UserError, match=r"was not ready after 1 s.*: raise captioner.server.start_timeout, or read its log"):
        run(tmp_path, captioner(tmp_path, "--never-ready", start_timeout=1))


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"captioner.server.program: there is no program /nowhere/vllm: install the engine"):
        run(tmp_path, captioner(tmp_path, program=["/nowhere/vllm"]))


def test_the_engine_is_restarted_after_so_many_answers(tmp_path):
    raw, failed = run(tmp_path, captioner(tmp_path, restart_after=10), posts=35)
    assert (raw, failed) == (list(range(35)), {})
    assert len(starts(tmp_path)) == 4
    assert Counter(answered(tmp_path)).most_common(1)[0][1] == 1


def test_two_jobs_have_two_gpus_and_two_ports(tmp_path):
    config = captioner(tmp_path, "--rate", "1") | {"device": "cuda"}
    jobs = []
    for number in range(2):
        make_shard(tmp_path, [row(n) for n in range(number * 30, number * 30 + 30)], number, 2)
        gpus = {"BOORUFLOW_GPUS": "2", "BOORUFLOW_LOCKS": str(tmp_path)}
        jobs.append(start_job(tmp_path, config, None, number, 2, **gpus))
    wait_for(lambda: len(starts(tmp_path)) == 2, 60)  # the first is at work until then
    for job in jobs:
        job.kill()
        job.wait()
    (_, first_port, first_gpu), (_, second_port, second_gpu) = starts(tmp_path)
    assert {first_gpu, second_gpu} == {"0", "1"}
    assert first_port != second_port
    assert none_left(tmp_path)


def test_a_gpu_is_free_when_the_engine_of_its_dead_job_is_gone(tmp_path):
    """The engine is kept alive by stopping its supervisor: the next job waits until it is gone."""
    config = captioner(tmp_path, "--rate", "5") | {"device": "cuda"}
    gpus = {"BOORUFLOW_GPUS": "1", "BOORUFLOW_LOCKS": str(tmp_path)}
    for shard in range(2):
        make_shard(tmp_path, [row(n) for n in range(shard * 30, shard * 30 + 30)], shard, 2)
    first = start_job(tmp_path, config, None, 0, 2, **gpus)
    wait_for(lambda: answered(tmp_path), 60)
    engine = psutil.Process(int(starts(tmp_path)[0][0]))
    supervisor = engine.parent()
    supervisor.suspend()
    first.kill()
    first.wait()
    notices = tmp_path / "notices"
    try:
        with notices.open("w") as stderr:
            second = start_job(tmp_path, config, stderr, 1, 2, **gpus)
        wait_for(lambda: "waiting for 1 of the GPUs 0" in notices.read_text() or len(starts(tmp_path)) == 2, 60)
        assert engine.is_running() and len(starts(tmp_path)) == 1
    finally:
        supervisor.resume()
    wait_for(lambda: len(starts(tmp_path)) == 2, 60)
    assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE
    second.kill()
    second.wait()
    assert none_left(tmp_path)


def test_what_only_operates_the_engine_is_not_in_the_identity(tmp_path):
    config = captioner(tmp_path)
    identity = ServerBackend(config).identity()
    for key, value in {"program": ["x"], "arguments": ["--y"], "timeout": 1, "start_timeout": 1, "restart_after": 9}.items():
        assert ServerBackend(config | {"server": config["server"] | {key: value}}).identity() == identity
    for key, value in {"model_arguments": ["--y"], "extra_body": {"a": 1}, "engine": "vllm"}.items():
        assert ServerBackend(config | {"server": config["server"] | {key: value}}).identity() != identity


@pytest.mark.parametrize("word", ["--api-key", "--api-key=abc", "--hf-token", "--password"])
def test_a_secret_in_a_command_is_refused(tmp_path, word):
    with pytest.raises(UserError, match=r"captioner.server.arguments: --[a-z-]+ would show a secret") as error:
        ServerBackend(captioner(tmp_path, arguments=[word, "abc"])).identity()
    assert "abc" not in str(error.value)


def test_the_engine_does_not_get_the_secrets_of_other_backends(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("BOORUFLOW_CAPTIONER", "{}")
    program = [sys.executable, "-c", "import os; print(sorted(os.environ)); raise SystemExit(2)"]
    with pytest.raises(UserError):
        run(tmp_path, captioner(tmp_path, program=program))
    assert "'PATH'" in (log := (tmp_path / "engine.log").read_text())
    assert "OPENAI_API_KEY" not in log and "BOORUFLOW_CAPTIONER" not in log
