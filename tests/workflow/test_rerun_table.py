"""Each row of the table in docs/rerun.md: the change, made to a copy of the built sample, plans the rules that stand there."""

import re
import shutil
from collections.abc import Callable

import polars as pl
import pytest
from projects import ROOT, Project, new_project

PAGE = (ROOT / "docs/rerun.md").read_text("utf-8")
ROWS = dict(
    re.findall(
        r"^\| (.+?) \| (.+?) \|$", PAGE.split("that `snakemake -n` plans |\n|---|---|\n")[1].split("\n\n")[0] + "\n", re.MULTILINE
    )
)
MERGE = set(re.findall(r"`(\w+)`", re.search(r"\*Merge\* stands for (.*?):", PAGE, re.DOTALL)[1]))


def another_look(project: Project) -> None:
    for path in (project.folder / "scripts").rglob("*.py"):
        path.write_text(path.read_text("utf-8") + "\n\n# a remark\n", "utf-8")
    project.folder.joinpath("config.yaml").write_text(
        "# a remark\n" + project.folder.joinpath("config.yaml").read_text("utf-8"), "utf-8"
    )
    for path in (project.folder / "sample").rglob("*.parquet"):
        path.touch()


def another_clone(project: Project) -> None:
    config = (project.folder / "config.yaml").read_bytes()
    results = project.folder.rename(project.folder.with_name("old")) / "results"
    new_project(project.folder)
    (project.folder / "config.yaml").write_bytes(config)
    shutil.move(results, project.folder)


def with_caption(project: Project) -> None:
    path = project.folder / "sample/captions.parquet"
    pl.read_parquet(path).head(-1).write_parquet(path)


def with_row(project: Project) -> None:
    path = project.folder / "sample/metadata.parquet"
    pl.read_parquet(path).with_columns(pl.col("score") + 1).write_parquet(path)


def edit(file: str, before: str, after: str) -> Callable[[Project], None]:
    return lambda project: project.edit(file, before, after)


def set_to(**values: object) -> Callable[[Project], None]:
    return lambda project: project.configure(**values)


CHANGES = {
    "comment": another_look,
    "clone": another_clone,
    "pin": edit("envs/data.yaml", "- tqdm==", "- tqdm==9."),
    "`check_coverage`": edit("scripts/booruflow/laws.py", "def check_coverage(\n", "def check_coverage(\n    *nothing: None,\n"),
    "`scripts/parse.py`": edit("scripts/parse.py", "with job(", "print()\nwith job("),
    "`meta_lat.key`": set_to(meta_lat__key="id"),
    "`tars.count`": set_to(tars__count=11),
    "`captions.artist_sentence`": set_to(captions__artist_sentence="By {artist}."),
    "`captioner.max_new_tokens`": set_to(captioner__max_new_tokens=109),
    "`prompts.toml`": lambda project: (project.folder / "scripts/booruflow/prompts.toml").open("a").write("\n# more\n"),
    "`captions.shards`": set_to(captions__shards=3),
    "`edited/`": edit("sample/edited/edited_2.json", "girl on the left", "woman on the left"),
    "`inputs.captions`": with_caption,
    "`inputs.images`": lambda project: shutil.copy(
        project.folder / "sample/images/1213521.webp", project.folder / "sample/images/1.webp"
    ),
    "`inputs.metadata`": with_row,
}


def test_every_row_is_tested() -> None:
    assert [[key for key in CHANGES if key in change] for change in ROWS] == [[key] for key in CHANGES]


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_plans_what_the_table_says(built: Project, key: str) -> None:
    rules = next(rules for change, rules in ROWS.items() if key in change)
    CHANGES[key](built)
    planned = set(built.plan())
    named = set(re.findall(r"`(\w+)`", rules)) | (MERGE if "*merge*" in rules else set())
    assert planned == (set(built.run("-n", "--forceall").jobs) - named if rules.startswith("all but") else named)
