"""What is wrong with an input is said in one line that names the file, the place and the remedy."""

import json
import re

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
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
    """The one line of a run that fails at `target`; nothing of it is there afterwards."""
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
    assert line.startswith("error: a.parquet: no column 'tag_string_meta'; it has id, created_at, ")
    assert line.endswith(": name the right column in the config")


def test_a_duplicate_id(project, table):
    twice = pl.concat([table, table[100:101]])
    line = metadata(project, "b.parquet", twice.write_parquet)
    place = f"id {table['id'][100]} stands already at b.parquet row 100 (1 such rows in all)"
    assert line == f"error: b.parquet row 240: {place}: drop the duplicates"


def test_an_id_that_is_not_an_integer(project, table):
    ids = pl.Series("id", [*map(str, table["id"][:-1]), "12a4"])
    line = metadata(project, "c.parquet", table.with_columns(ids).write_parquet)
    assert line == "error: c.parquet: row 239: id is '12a4', not a post id: mend or drop the row"


def test_a_truncated_parquet(project):
    whole = (project.folder / "sample/metadata.parquet").read_bytes()
    line = metadata(project, "d.parquet", lambda path: path.write_bytes(whole[:-1000]))
    assert line.startswith("error: d.parquet: not a whole parquet file (") and line.endswith("): fetch or write it again")


def test_a_parquet_damaged_in_the_middle(project, table):
    def write(path):
        table.write_parquet(path, compression="zstd", row_group_size=80)
        start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
        data = bytearray(path.read_bytes())
        data[start : start + 600] = bytes(600)
        path.write_bytes(data)

    line = metadata(project, "e.parquet", write)
    assert re.fullmatch(r"error: e\.parquet: cannot be read after row \d+ \(.+\): fetch or write it again", line)


def test_bytes_that_are_not_utf_8(project, table):
    def write(path):
        tags = pa.array([text.encode() for text in table["tag_string_general"][:-1]] + [b"caf\xe9"], pa.binary())
        strings = pa.StringArray.from_buffers(len(tags), *tags.buffers()[1:])
        whole = table.drop("tag_string_general").to_arrow(compat_level=pl.CompatLevel.oldest())
        pq.write_table(whole.append_column("tag_string_general", strings), path)

    line = metadata(project, "f.parquet", write)
    assert line == "error: f.parquet: row 239: column tag_string_general is not UTF-8: write the file again as UTF-8"


def test_a_broken_row_of_csv(project, table):
    def write(path):
        lines = table.write_csv().splitlines()
        lines[120] = "12,only three,fields"
        path.write_text("\n".join(lines) + "\n")

    line = metadata(project, "g.csv", write)
    assert line == "error: g.csv: row 121: Expected 15 columns, got 3: 12,only three,fields: mend or drop the row"


def test_a_caption_source_that_is_not_json(project):
    project.configure(inputs__metadata=["sample/metadata.parquet"], inputs__captions=[{"files": ["h.json"]}])
    (project.folder / "h.json").write_text('{"1": {"caption": "one"},\n"2": {"caption": "tw')
    line = refused(project, "captions/meta_cap_base.json")
    assert line == 'error: h.json: key "2": the file is cut short in or after it: fetch or write it again'


def test_a_file_that_is_not_there(project):
    project.configure(inputs__metadata=["nowhere.parquet"])
    said = project.run("-n", code=1).text.splitlines()
    assert "config.yaml: inputs.metadata: nowhere.parquet: no such file: mend the path" in said


def test_the_config(make_project):
    project = make_project()
    project.configure(captions__shrads=3, captions__shards="many", tars__count=0, metdata={})
    text = project.run("-n", code=1).text
    assert "Traceback" not in text
    lines = [line.strip() for line in text.splitlines() if "config" in line and ": " in line]
    for words in (["captions.shrads", "shards"], ["captions.shards", "many"], ["tars.count", "0"], ["metdata"]):
        assert any(all(word in line for word in words) for line in lines), text


def test_a_model_that_is_not_there(make_project):
    project = make_project(captioner__model="models/toriigate")
    text = project.run("-n", code=1).text
    assert "Traceback" not in text
    assert "\ncaptioner.model: there is no folder models/toriigate: mend the path" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{\n"6292362": {"text": "a"},\n}', "error: mended/edited_2.json: line 2, column 25: not valid JSON ("),
        ('{"6292362": {"text": "hm"}}', "error: edited entries that are still bad: 6292362 ("),
        (
            '{"1479088": {"caption": "It is of shard 0."}}',
            "error: mended/edited_2.json: id 1479088 is not in results/missing/split_2.parquet (1 such)",
        ),
    ],
)
def test_edited_files(built, content, expected):
    before = built.path("captions/fixed_2.json").read_bytes()
    folder = built.folder / "mended"
    folder.mkdir()
    (folder / "edited_2.json").write_text(content)
    built.configure(inputs__edited="mended")
    line = refused(built, "captions/fixed_2.json")
    assert line.startswith(expected)
    assert (folder / "edited_2.json").read_text() == content

    (folder / "edited_2.json").write_bytes((built.folder / "sample/edited/edited_2.json").read_bytes())
    built.run("results/captions/fixed_2.json")
    assert built.path("captions/fixed_2.json").read_bytes() == before
    assert json.loads(before)
