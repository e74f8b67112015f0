"""Each row of the table in docs/rerun.md: the change, applied to a copy of the built sample, plans the rules of that row."""

import os
import re
import shutil
from collections.abc import Callable

import polars as pl
import pytest
from projects import ROOT, Project, new_project

from booruflow.captioning.journal import Journal

PAGE = (ROOT / "docs/rerun.md").read_text("utf-8")
TABLE = PAGE.split("that `snakemake -n` plans |\n|---|---|\n")[1].split("\n\n")[0]
ROWS = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE))
MERGE = set(re.findall(r"`(\w+)`", re.search(r"\*Merge\* stands for (.*?):", PAGE, re.DOTALL)[1]))


def change_comments_and_times(project: Project) -> None:
    for path in [*(project.folder / "scripts").rglob("*.py"), project.folder / "config.yaml"]:
        path.write_text(path.read_text("utf-8") + "\n\n# a comment\n", "utf-8")
    for path in (project.folder / "sample").rglob("*.parquet"):
        path.touch()


def clone_again(project: Project) -> None:
    old = project.folder.rename(project.folder.with_name("old"))
    new_project(project.folder)
    (project.folder / "config.yaml").write_bytes((old / "config.yaml").read_bytes())
    for name in ("results", "journal", ".snakemake"):
        shutil.move(old / name, project.folder)


def remove_a_caption(project: Project) -> None:
    path = project.folder / "sample/captions.parquet"
    pl.read_parquet(path).head(-1).write_parquet(path)


def change_scores(project: Project) -> None:
    path = project.folder / "sample/metadata.parquet"
    pl.read_parquet(path).with_columns(pl.col("score") + 1).write_parquet(path)


def copy_an_image(project: Project) -> None:
    images = project.folder / "sample/images"
    shutil.copy(images / "1213521.webp", images / "1.webp")
    os.utime(images / "1216522.webp", ns=(0, 0))  # as if replaced


def replace(file: str, before: str, after: str) -> Callable[[Project], None]:
    return lambda project: project.edit(file, before, after)


def fail_a_request(project: Project) -> None:
    with Journal(project.path("captions/attempts"), 0, 4) as attempts:
        attempts.append([{"key": "0" * 32, "id": 4, "reason": "status 500"}])


def append(text: str, file: str) -> Callable[[Project], None]:
    """Append to a file of the library."""

    def change(project: Project) -> None:
        path = project.folder / "scripts/booruflow" / file
        path.write_text(path.read_text("utf-8") + text, "utf-8")

    return change


def configure(**values: object) -> Callable[[Project], None]:
    return lambda project: project.configure(**values)


CODE = "\nprint\n"
CHANGES = {
    "comment": change_comments_and_times,
    "clone": clone_again,
    "pin": replace("envs/data.yaml", "- tqdm==", "- tqdm==9."),
    "`products/checks/exports.py`": append(CODE, "products/checks/exports.py"),
    "`products/tars.py`": append(CODE, "products/tars.py"),
    "`products/subset.py`": append(CODE, "products/subset.py"),
    "`core/errors.py`": append(CODE, "core/errors.py"),
    "`scripts/parse.py`": replace("scripts/parse.py", "with job(", "print()\nwith job("),
    "`meta_lat.key`": configure(meta_lat__key="id"),
    "`tars.count`": configure(tars__count=11),
    "`captions.artist_sentence`": configure(captions__artist_sentence="By {artist}."),
    "`tags.underscores`": configure(tags__underscores="space", tags__separator=" "),
    "`text.variants`": configure(text={"variants": [{"template": "{caption}"}]}),
    "`captioner.batch_size`": configure(
        captioner__batch_size=3,
        captioner__threads=2,
        captioner__mem_mb=2100,
        captioner__runtime=99,
        captioner__device="cuda",
        captioner__max_gpu_temperature=80,
        captioner__openai={"base_urls": ["http://127.0.0.1:9/v1"], "api_key_file": "key", "timeout": 3, "retries": 1},
        captioner__exllamav2__cache_tokens=1024,
        captioner__server={"program": ["/opt/vllm"], "arguments": ["--x"], "start_timeout": 1, "timeout": 1, "restart_after": 9},
    ),
    "`captions/attempts/`": fail_a_request,
    "`captioner.max_new_tokens`": configure(captioner__max_new_tokens=109),
    "`captioner.profile`": replace(
        "scripts/booruflow/captioning/prompts/profiles/toriigate-0.4.yaml", "structured json-like format", "JSON-like format"
    ),
    "`captions.shards`": configure(captions__shards=3),
    "`edited/`": replace("edited/edited_2.json", "girl on the left", "woman on the left"),
    "`inputs.captions`": remove_a_caption,
    "`inputs.images`": copy_an_image,
    "`inputs.metadata`": change_scores,
}


def test_every_row_is_tested() -> None:
    assert [[key for key in CHANGES if key in change] for change in ROWS] == [[key] for key in CHANGES]


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_plans_what_the_table_says(built: Project, key: str) -> None:
    rules = next(rules for change, rules in ROWS.items() if key in change)
    CHANGES[key](built)
    planned = set(built.plan())
    named = set(re.findall(r"`(\w+)`", rules)) | (MERGE if "*merge*" in rules else set())
    assert planned == (set(built.run("-n", "--forceall").jobs) - named if rules.startswith("every rule") else named)
