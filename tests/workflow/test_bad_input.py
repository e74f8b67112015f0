"""An invalid input ends the run with one line that names the file, the place and the remedy."""

import json

import polars as pl
import pytest

POSTS = "posts/posts.parquet"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    from projects import new_project

    return new_project(tmp_path_factory.mktemp("bad") / "project", captions__generate=False)


@pytest.fixture(scope="module")
def table(project):
    return pl.read_parquet(project.folder / "sample/metadata.parquet")


def refused(project, target):
    """The error line of a run that fails to build `target`; it leaves nothing behind."""
    ran = project.run(target if "/" not in target else f"results/{target}", code=1)
    assert "Traceback" not in ran.text
    assert len(ran.errors) == 1, ran.text
    assert not project.path(target).exists()
    assert project.left_behind() == []
    return ran.errors[0]


def metadata(project, name, write):
    path = project.folder / name
    write(path)
    project.configure(inputs__metadata=[name])
    return refused(project, POSTS)


def test_a_missing_column(project, table):
    line = metadata(project, "a.parquet", table.drop("tag_string_meta").write_parquet)
    assert line.startswith("error: a.parquet: no column 'tag_string_meta'; did you mean tag_string_")
    assert "? it has id, created_at, " in line
    assert line.endswith(": set inputs.columns.meta to the right column, or to null if there is none")


def test_a_broken_row_of_csv(project, table):
    def write(path):
        lines = table.write_csv().splitlines()
        lines[120] = "12,only three,fields"
        path.write_text("\n".join(lines) + "\n")

    line = metadata(project, "g.csv", write)
    assert line == "error: g.csv: row 121: Expected 15 columns, got 3: 12,only three,fields: fix or remove the row"


def test_a_caption_source_that_is_not_json(project):
    project.configure(inputs__metadata=["sample/metadata.parquet"], inputs__captions=[{"files": ["h.json"]}])
    (project.folder / "h.json").write_text('{"1": {"caption": "one"},\n"2": {"caption": "tw')
    line = refused(project, "captions/meta_cap_base.json")
    assert line == 'error: h.json: key "2": the file is cut short in or after it: download or write it again'


def test_a_file_that_does_not_exist(project):
    project.configure(inputs__metadata=["nowhere.parquet"])
    lines = project.run("-n", code=1).text.splitlines()
    assert "config.yaml: inputs.metadata: nowhere.parquet: no such file: correct the path" in lines


def test_the_config(make_project):
    project = make_project()
    project.configure(captions__shrads=3, captions__shards="many", tars__count=0, metdata={})
    text = project.run("-n", code=1).text
    assert "Traceback" not in text
    lines = [line.strip() for line in text.splitlines() if "config" in line and ": " in line]
    for words in (["captions.shrads", "shards"], ["captions.shards", "many"], ["tars.count", "0"], ["metdata"]):
        assert any(all(word in line for word in words) for line in lines), text


def test_braces_in_the_name_of_results(make_project):
    text = make_project(results="a{n}b").run("-n", code=1).text
    assert 'config.yaml: results: "a{n}b" does not match the pattern ^[^{}]+$\n' in text


def test_a_model_that_does_not_exist_stops_only_what_needs_it(make_project):
    project = make_project(captioner__model="models/toriigate")
    for options in (["-n"], []):
        text = project.run(*options, code=1).text
        assert "Traceback" not in text
        assert text.splitlines()[-1].startswith("captioner.model: there is no folder models/toriigate: correct the path")
        assert not project.path("posts").exists()
    assert project.plan("tags_json") == {"posts": 1, "tags_json": 1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"6292362": {"text": "hm"}}', "error: edited entries that are still bad: 6292362 ("),
        (
            '{"1479088": {"caption": "It is of shard 0."}}',
            "error: my_edits/edited_2.json: id 1479088 is not in results/missing/split_2.parquet (1 such)",
        ),
    ],
)
def test_edited_files(built, content, expected):
    before = built.path("captions/fixed_2.json").read_bytes()
    folder = built.folder / "my_edits"
    folder.mkdir()
    (folder / "edited_2.json").write_text(content)
    built.configure(inputs__edited="my_edits")
    line = refused(built, "captions/fixed_2.json")
    assert line.startswith(expected)
    assert (folder / "edited_2.json").read_text() == content

    (folder / "edited_2.json").write_bytes((built.folder / "sample/edited/edited_2.json").read_bytes())
    built.run("results/captions/fixed_2.json")
    assert built.path("captions/fixed_2.json").read_bytes() == before
    assert json.loads(before)
