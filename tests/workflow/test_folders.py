"""A data set is a folder of its own; the code is elsewhere, and a link leads to it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from projects import ROOT, Project, new_project

BOORUFLOW = Path(sys.executable).with_name("booruflow")

CPU = {
    "captioner__model": str(ROOT / "sample/captioner"),
    "captioner__device": "cpu",
    "captioner__dtype": "float32",
    "captioner__mem_mb": 2000,
}


def init(folder: Path, *files: Path) -> Project:
    """A data set made by `booruflow init`, whose settings fit the demo captioner."""
    subprocess.run([BOORUFLOW, "init", folder, *files], check=True, capture_output=True)
    project = Project(folder)
    project.configure(**CPU, tars__count=2, captions__shards=2)
    return project


@pytest.fixture
def data_set(tmp_path: Path) -> Project:
    """A folder with inputs inside, without images and captions."""
    folder = tmp_path / "my set"
    folder.mkdir()
    shutil.copy(ROOT / "sample/metadata.parquet", folder)
    return init(folder, folder / "metadata.parquet")


def files_of(folder: Path) -> list[Path]:
    """All files that are not Snakemake's own."""
    return sorted(path for path in folder.rglob("*") if ".snakemake" not in path.parts and path.name != "console.txt")


def test_a_dry_run_a_lint_and_a_graph_change_nothing(data_set: Project) -> None:
    before = files_of(data_set.folder)
    assert data_set.plan("meta_lat", "tokens")["meta_lat"] == 1
    assert "digraph" in data_set.run("meta_lat", "--dag").text
    data_set.run("--lint")
    assert files_of(data_set.folder) == before


def test_a_moved_folder_and_another_clone_rerun_nothing_and_notice_changes(data_set: Project) -> None:
    ran = data_set.run("results/tags/meta_cap_dd.json", "tokens")
    assert {"posts", "tags_json", "tokens"} <= ran.jobs.keys() and "sample" not in data_set.path("inputs.json").read_text()
    moved = Project(data_set.folder.rename(data_set.folder.with_name("moved")))
    link = moved.folder / "workflow"
    link.unlink()
    link.symlink_to(new_project(moved.folder.with_name("clone")).folder)
    assert moved.plan("tags_json", "tokens") == {}
    moved.configure(tags__separator=" ")
    assert moved.plan("tags_json", "tokens") == {"tags_json": 1}


def test_two_runs_in_one_folder_are_refused(data_set: Project) -> None:
    lock = 'from pathlib import Path; import time; Path("started").touch(); time.sleep(60)'
    (data_set.folder / "workflow").unlink()
    clone = new_project(data_set.folder.with_name("clone"))
    clone.edit("scripts/posts.py", "with job(", f"{lock}\nwith job(")
    (data_set.folder / "workflow").symlink_to(clone.folder)
    with data_set.running("tags_json") as process:
        data_set.wait_for(process, (data_set.folder / "started").exists)
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "tokens"]
        second = subprocess.run(command, cwd=data_set.folder, capture_output=True, text=True)
    assert second.returncode and "\nerror: this folder is locked by another run: wait for it; " in second.stderr
    assert "--unlock" not in second.stderr
    assert not data_set.path("tokens").exists()


def test_the_results_of_other_inputs_are_refused(data_set: Project, tmp_path: Path) -> None:
    data_set.run("posts")
    before = data_set.products()
    shutil.copy(data_set.folder / "metadata.parquet", tmp_path / "other.parquet")
    data_set.configure(inputs__metadata=[str(tmp_path / "other.parquet")])
    for options in (["-n"], []):
        text = data_set.run(*options, "posts", code=1).text
        line = "config.yaml: inputs: results/ was made of other files (metadata.parquet): make a folder for the other data set"
        assert line in text and "Traceback" not in text
    assert data_set.products() == before
    data_set.path("inputs.json").unlink()
    assert data_set.plan("posts") == {"posts": 1}


def test_a_config_file_of_the_command_line_is_refused(data_set: Project) -> None:
    mine = data_set.folder / "mine.yaml"
    mine.write_text(yaml.safe_dump({"tars": {"count": 3}}))
    text = data_set.run("--configfile", "mine.yaml", "-n", code=1).text
    assert "--configfile: Snakemake would mix that file with the config.yaml of this folder" in text


def test_settings_of_the_sample_are_in_no_other_data_set(data_set: Project) -> None:
    config = (data_set.folder / "config.yaml").read_text("utf-8")
    assert "mirelle" not in config and config.count("sample") == config.count(str(ROOT / "sample/captioner"))


def test_without_a_config_the_error_says_what_is_missing(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "workflow").symlink_to(ROOT)
    assert project.run("-n", code=1).text.splitlines()[-1].startswith("config.yaml: not in this folder: ")
    assert not project.results.exists()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"inputs:\n\tx: 1\n", [r"config\.yaml: line 2, column 1: not YAML \(found character .+\): correct the line, .+"]),
        (b"tars: [\n", [r"config\.yaml: line 2, column 1: not YAML .+"]),
        (b"# caf\xe9\ninputs: {}\n", [r"config\.yaml: line 1: not UTF-8: save the file as UTF-8"]),
        (b"# nothing\n", [r"config\.yaml: holds no section such as inputs: .+"]),
        (b"- a\n", [r"config\.yaml: holds no section such as inputs: .+"]),
        (b"tars: {}\nseed: 1\ntars: {}\n", [r"config\.yaml: tars: twice, in lines 1 and 3: keep one"]),
        (
            b"captioner: {backend: transformer}\ncaptions: {shrads: 3}\n",
            [
                r'config\.yaml: captioner\.backend: "transformer" is not one of .+; did you mean transformers\?',
                r"config\.yaml: captions\.shrads: unknown key; did you mean shards\?",
                r"config\.yaml: inputs\.metadata: missing: add it",
            ],
        ),
    ],
    ids=["tab", "bracket", "bytes", "empty", "list", "twice", "keys"],
)
def test_a_config_that_is_wrong_is_named_in_lines_of_its_own(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    project = Project(tmp_path)
    (tmp_path / "workflow").symlink_to(ROOT)
    (tmp_path / "config.yaml").write_bytes(content)
    said = [line for line in project.run("-n", code=1).text.splitlines() if not line.startswith("Using ")]
    assert all(re.fullmatch(*pair) for pair in zip(lines, said, strict=True)), said


def test_braces_in_the_name_of_the_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    project = Project(tmp_path / "a{b}c")
    project.folder.mkdir()
    (project.folder / "workflow").symlink_to(ROOT)
    (project.folder / "config.yaml").write_text("inputs: {metadata: [a.parquet]}\n")
    line = project.run("-n", code=1).text.splitlines()[-1]
    assert line == f"{project.folder}/workflow: Snakemake takes braces in the path of its files for wildcards: rename the folder"


@pytest.fixture
def run_init(tmp_path: Path) -> Callable[..., str]:
    """The error line of `booruflow init` in a folder that must stay as it was."""

    def refused(*arguments: object) -> str:
        before = files_of(tmp_path)
        done = subprocess.run([BOORUFLOW, "init", *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and files_of(tmp_path) == before
        assert done.stderr.count("\n") == 1
        return done.stderr

    return refused


def test_init_refuses_what_it_cannot_use(run_init: Callable[..., str], tmp_path: Path) -> None:
    assert "nowhere.parquet" in run_init("new", "nowhere.parquet")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    (tmp_path / "list.json").write_text("[1, 2]")
    assert "numbers.csv: neither metadata" in run_init("new", "numbers.csv")
    assert "list.json: begins with b'[1, 2]', not with an object" in run_init("new", "list.json")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/config.yaml").touch()
    assert "set: is a data set already" in run_init("set")
