import csv
import gzip
import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.sources.metadata_csv import csv_to_parquet
from booruflow.sources.tables import csv_rows
from booruflow.sources.tables.sorted_rows import sorted_rows

HEADER = [
    "id", "rating", "score", "tag_string_meta", "tag_string_general", "tag_string_artist", "tag_string_copyright",
    "tag_string_character",
]  # fmt: skip
TAGS = {name: f"tag_string_{name}" for name in ("general", "artist", "character", "copyright", "meta")}
COLUMNS = TAGS | {name: name for name in ("id", "rating", "score", "image_width", "image_height", "file_ext")}

ROW = b'7,g,5,"","a b","","x",""\n'
START = ",".join(HEADER).encode() + b"\n"


def convert(tmp_path, *contents, name="posts.csv"):
    paths = [tmp_path / f"{n}-{name}" for n in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert csv_to_parquet(paths, tmp_path / "x.parquet", COLUMNS) == pq.read_metadata(tmp_path / "x.parquet").num_rows
    return pq.read_table(tmp_path / "x.parquet").to_pylist()


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12) | st.text('",\r\n', max_size=5)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.lists(texts, min_size=6, max_size=6)), min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([400, 16 << 20]),
    st.booleans(),
)
def test_what_the_standard_library_writes_is_read_back(tmp_path_factory, rows, line_end, block, zipped):
    folder = tmp_path_factory.getbasetemp()
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator=line_end)
    writer.writerow(HEADER)
    writer.writerows([number, rating, score, *tags] for number, (score, (rating, *tags)) in enumerate(rows))
    data = text.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "BLOCK", block)
        found = convert(folder, gzip.compress(data) if zipped else data, name="posts.csv.gz" if zipped else "posts.csv")
    expected = [(number, rating, score, *tags) for number, (score, (rating, *tags)) in enumerate(rows)]
    assert [tuple(row[name] for name in HEADER) for row in found] == expected


def test_a_line_break_in_a_value_on_a_block_border(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK", 400)
    for length in range(200, 280):
        text = "x" * length + "\r\ny"
        row = f'7,g,5,"","{text}","","",""\n'.encode()
        assert convert(tmp_path, START + ROW.replace(b"7", b"1", 1) + row)[1]["tag_string_general"] == text


def test_files_with_different_columns_are_concatenated(tmp_path):
    other = b"\xef\xbb\xbffile_ext,md5,image_height," + START + b'png,"x, y",900,8,s,,m,"null\nNaN","a""b",,\n'
    rows = convert(tmp_path, START + ROW, START, START[:-1], other)
    empty = dict.fromkeys(("image_width", "image_height", "file_ext"))
    assert rows == [
        dict(zip(HEADER, (7, "g", 5, "", "a b", "", "x", ""), strict=True)) | empty,
        dict(zip(HEADER, (8, "s", None, "m", "null\nNaN", 'a"b', "", ""), strict=True))
        | {"image_width": None, "image_height": 900, "file_ext": "png"},
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column 'id'; it has none"),
        (START.replace(b",", b";") + ROW, "no column 'id'; .*it has id;rating"),
        (
            START.replace(b"score", b"votes") + ROW,
            "no column 'score'; it has id, rating, votes, .*: set inputs.columns.score to the right column, or to null",
        ),
        (b"id," + START + b"1," + ROW, "two columns 'id'"),
        ((START + ROW).decode().encode("utf-16"), "its header is not CSV in UTF-8"),
        (START + ROW + b"8,g\n", "row 3: Expected 8 columns, got 2"),
        (START + ROW * 2, r"row 3: id 7 is already at .* row 2"),
        (START + ROW + b'8.5,g,5,"","","","",""\n', "row 3: id is '8.5', not a post id"),
        (START + ROW + b'-8,g,5,"","","","",""\n', "row 3: id is '-8', not a post id"),
        (START + ROW + b',g,5,"","","","",""\n', "row 3: id is '', not a post id"),
        (START + ROW + b'8,g,high,"","","","",""\n', "row 3: score is 'high', not an integer"),
        (START + ROW + b'8,g,5,"","\xff","","",""\n', "row 3: .* invalid UTF8 data in column tag_string_general"),
        (START + ROW + b'8,g,5,"","","","","cut', "a quoted value is never closed, perhaps in row 3"),
        (START + ROW + b'8,g,5,"","","","","\n9,g,5,"","","","",""\n', "row 3: "),
    ],
)
def test_a_broken_file_is_refused_with_its_row(tmp_path, content, message):
    with pytest.raises(UserError, match=rf"0-posts\.csv:? .*{message}"):
        convert(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["0-posts.csv"]


def test_the_row_number_is_right_after_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK", 1000)
    many = b"".join(b'%d,g,5,"","two\nlines","","",""\n' % n for n in range(500))
    with pytest.raises(UserError, match="row 502: Expected 8 columns, got 1"):
        convert(tmp_path, START + many + b"x\n")
    with pytest.raises(UserError, match="row 502: id is '-1'"):
        convert(tmp_path, START + many + b'-1,g,5,"","","","",""\n')
    with pytest.raises(UserError, match=r"1-posts\.csv row 3: id 3 is already at .*0-posts\.csv row 5"):
        convert(tmp_path, START + many, START + b'900,g,5,"","","","",""\n3,g,5,"","","","",""\n')


def test_an_id_that_parquet_metadata_have_too_is_named_by_its_csv_file(tmp_path):
    rows = [b'%d,g,5,"","two\nlines","","",""\n' % n for n in range(5)]
    convert(tmp_path, START + b"".join(rows[:3]), START, START + b"".join(rows[3:]))
    pq.write_table(pa.table({"id": [9, 4]}), tmp_path / "other.parquet")
    with pytest.raises(UserError, match=r"other\.parquet row 1: id 4 is already at .*/2-posts\.csv row 3 \("):
        pl.concat(sorted_rows([tmp_path / "x.parquet", tmp_path / "other.parquet"], "id", [], tmp_path / "spool", "rows"))


def test_a_header_alone_gives_an_empty_table(tmp_path):
    assert convert(tmp_path, START, START[:-1]) == []


@pytest.mark.parametrize("content", [gzip.compress(START + ROW * 100, mtime=0)[:60], START + ROW])
def test_an_incomplete_gzip_file_is_refused(tmp_path, content):
    with pytest.raises(UserError, match=r"posts\.csv\.gz: cannot be read \(.*gzip|posts\.csv\.gz: cannot be read \(Compressed"):
        convert(tmp_path, content, name="posts.csv.gz")


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.csv: cannot be read \(No such file"):
        csv_to_parquet([tmp_path / "gone.csv"], tmp_path / "x.parquet", COLUMNS)
