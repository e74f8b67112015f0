"""The real workflow with `profiles/slurm` as shipped, on a real Slurm of one node whose two GPUs have no hardware."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import Project, new_project
from slurm_node import finished_jobs, reason_to_skip, slurm_node, slurm_output

pytestmark = pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))

PROFILE = ["--workflow-profile", "profiles/slurm", "--set-resources", "caption:gpu=1"]
QUICK = ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "2"]
SHARDS = 2


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster; the value is the log of its finished jobs."""
    with slurm_node(tmp_path_factory.mktemp("slurm") / "node") as log:
        yield log


def two_shards(folder: Path) -> Project:
    """A project of two shards with small batches, so that a job can be cancelled between two batches."""
    return new_project(
        folder, tars__count=10, meta_lat__folder="/data/images", captions__shards=SHARDS, captioner__batch_size=2, subsets={}
    )


def caption_processes(folder: Path) -> dict[str, str]:
    """The running caption jobs of a folder: CUDA_VISIBLE_DEVICES -> Slurm job id."""
    jobs = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes()
            environment = process.joinpath("environ").read_bytes()
            here = process.joinpath("cwd").readlink() == folder
        except OSError:  # the process has ended
            continue
        if here and b".caption.py" in command and b"-c" not in command.split(b"\0"):
            values = dict(line.partition(b"=")[::2] for line in environment.split(b"\0"))
            jobs[values.get(b"CUDA_VISIBLE_DEVICES", b"none").decode()] = values.get(b"SLURM_JOB_ID", b"none").decode()
    return jobs


def test_cancelled_jobs_resume_and_the_products_equal_those_of_a_local_run(log: Path, tmp_path: Path) -> None:
    local = two_shards(tmp_path / "local")
    local.run()
    cluster = two_shards(tmp_path / "cluster")
    gpus: dict[str, str] = {}

    def both_caption() -> bool:
        gpus.update(caption_processes(cluster.folder))
        return bool(len(gpus) == SHARDS and cluster.journal())

    with cluster.running(*PROFILE, *QUICK, cores=8) as process:
        cluster.wait_for(process, both_caption)
        assert set(gpus) == {"0", "1"}, "each caption job has its own GPU"
        for job in gpus.values():
            slurm_output("scancel", job)
        assert process.wait(120) != 0, cluster.console()
    kept = cluster.journal()
    assert 0 < len(kept) < len(local.journal())
    assert not list(cluster.folder.glob("results/captions/raw_*"))

    ran = cluster.run(*PROFILE, *QUICK, cores=8)
    assert ran.jobs["caption"] == SHARDS
    journal = cluster.journal()
    assert all(line in journal for line in kept)
    keys = [line["key"] for line in journal]
    assert len(keys) == len(set(keys)) == len(local.journal()), "no caption is generated twice"
    # a shard with all captions in the journal generates nothing and reports no GPU
    stats = [json.loads(cluster.path(f"captions/stats_{n}.json").read_bytes())[0] for n in range(SHARDS)]
    gpus_used = [record["gpu"] for record in stats if record["generated"]["captions"]]
    assert gpus_used
    assert set(gpus_used) <= {"0", "1"}
    assert len(set(gpus_used)) == len(gpus_used)
    assert cluster.products() == local.products()

    # jobs on nodes list no images again, and make no meta_lat again after its own job
    first, last = (cluster.path(name).stat().st_mtime for name in ("images/images.parquet", "captions/raw_0.jsonl"))
    assert first < last
    assert cluster.path("meta_lat.json").stat().st_mtime < cluster.path("tars/captions/0000.tar").stat().st_mtime

    jobs = finished_jobs(log)
    cancelled = [job for job in jobs if job["JobState"] == "CANCELLED"]
    assert {job["JobId"] for job in cancelled} == set(gpus.values())
    completed = [job for job in jobs if job["JobState"] == "COMPLETED"]
    assert len(cancelled) + len(completed) == len(jobs)
    # prepare, check of images, tokens, tag tars, captions and outcomes of two shards, export, caption tars, manifest
    assert len(completed) == 11, "short steps share a job"
