import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from booruflow.cli import app as cli

ROOT = Path(__file__).parents[3]
COMMAND = Path(sys.executable).with_name("booruflow")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, arguments, prog_name="booruflow")
    return result.exit_code, result.output


@pytest.mark.parametrize("command", ["init", "progress", "resume", "review", "similar"])
def test_each_command_has_help_of_its_own(command):
    code, general = run("--help")
    assert code == 0 and command in general
    code, text = run(command, "--help")
    assert code == 0 and f"booruflow {command}" in text and "Options:" in text


def test_without_a_command_the_help_is_shown():
    assert "Commands:" in run()[1]


def test_the_installed_command_says_its_version_and_loads_nothing_heavy(tmp_path):
    done = subprocess.run([COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip().count(".") == 2
    heavy = "import sys, booruflow.cli.app; print(sorted({'numpy', 'polars', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", heavy], cwd=tmp_path, capture_output=True, text=True).stdout == "[]\n"


def test_an_error_is_one_line_and_exit_code_1(tmp_path):
    done = subprocess.run([COMMAND, "progress", "nowhere"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: nowhere/config.yaml: no such file")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cores", "8", "results/meta_cap.json"],
        ["--cores", "8", "--forcerun", "parse", "--", "results/meta_cap.json"],
        ["--", "--odd name"],
        ["-n", "--config", "a={b: --}", "--", "all", "--"],
        [],
    ],
)
def test_resume_passes_all_arguments_on_as_they_are(monkeypatch, arguments):
    passed = []
    monkeypatch.setattr("booruflow.cli.resume.resume_run", lambda folder, given: passed.append(list(given)) or 3)
    assert run("resume", *arguments)[0] == 3
    assert passed == [arguments]


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_review_names_the_command_that_installs_what_it_lacks(tmp_path, package):
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv = ['booruflow', 'review']; import booruflow.cli.app as a"
    code += "; a.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    remedy = "run `python -m pip install --group review` in the clone of booruflow"
    assert (done.returncode, done.stderr) == (1, f"error: the review page needs {package}: {remedy}\n")


def test_review_needs_a_data_set_and_a_free_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for folder, wanted in ((tmp_path, "config.yaml: no such file"), (ROOT, f"127.0.0.1, port {port}: in use")):
            done = subprocess.run([COMMAND, "review", folder, "--port", str(port)], cwd=tmp_path, capture_output=True, text=True)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
            assert wanted in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--tag", "a", "--post", "1"]])
def test_similar_takes_a_tag_or_a_post(arguments):
    code, text = run("similar", *arguments)
    assert code == 2 and "either --tag or --post" in text


@pytest.fixture
def vectors(tmp_path):
    """Three tags, of which the training set has two, and two posts."""
    (tmp_path / "model").mkdir()
    rows = ["id\tname\tcategory\tcount", "0\that\tgeneral\t4", "1\tcap\tgeneral\t2", "2\tunseen\tgeneral\t0"]
    (tmp_path / "model/tags.tsv").write_text("\n".join(rows) + "\n")
    np.save(tmp_path / "tags.npy", np.array([[1, 0], [1, 1], [1, 0]], np.float16))
    np.save(tmp_path / "embeddings.npy", np.array([[1, 0], [0, 1]], np.float16))
    np.save(tmp_path / "ids.npy", np.array([7, 9]))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--tag", "hat"], "0.707  cap\n"),
        (["--tag", "hat", "--among", "posts"], "1.000  7\n0.000  9\n"),
        (["--post", "9"], "0.000  7\n"),
        (["--post", "9", "--among", "tags", "--top", "1"], "0.707  cap\n"),
        (["--tag", "hat", "--dimensions", "1"], "1.000  cap\n"),
    ],
)
def test_similar_searches_among_the_kind_of_the_query_or_the_other(vectors, arguments, lines):
    assert run("similar", "--folder", vectors, *arguments) == (0, lines)
