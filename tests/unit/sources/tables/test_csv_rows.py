import csv
import gzip
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tqdm import tqdm

from booruflow.core.errors import UserError
from booruflow.sources.tables import csv_rows
from booruflow.sources.tables.columns import Column
from booruflow.sources.tables.csv_rows import CsvFile, csv_batches, csv_header

COLUMNS = [Column(name, name, None) for name in ("id", "tags")]
START = b"id,tags,note\n"
ROW = b'7,"a b",x\n'


def rows_of(path, content):
    path.write_bytes(content)
    with CsvFile(path, tqdm(disable=True)) as file:
        header, has_rows = csv_header(path, file, COLUMNS)
        batches = list(csv_batches(path, file, header, COLUMNS)) if has_rows else []
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'8,a"b,x\n', "row 3: a quote inside a value that is not quoted"),
        (b'8,a b",x\n', "row 3: a quote inside a value that is not quoted"),
        (b'8, "a b",x\n', "row 3: a quote inside a value that is not quoted"),
        (b'8,"a" b,x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a b" ,x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a"b"c",x\n', "row 3: text after the quote that closes a value"),
        (b'8,""a b"",x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a \\"b\\"",x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a\\"",x\n9,"b\\"",x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a b,x\n9,"c d",x\n', "row 3: text after the quote that closes a value"),
        (b'8,"a b,x\n9,c d",x\n', "row 3: tags has further rows in it"),
        (b'8,"a b,x\n\n9,"",x\r\n10.0,c,y\n11,d",x\n', "row 3: tags has further rows in it"),
        (b'8,c,"x\n9,c,"\n', "row 3: note has further rows in it"),
        (b'8,"a b,x\n9,c d,x\n', "a quoted value is never closed, perhaps in row 3|row 3"),
    ],
)
def test_a_stray_quote_is_refused_with_its_row(tmp_path, monkeypatch, row, message):
    for end in (b"", ROW, ROW * 30):
        for block in (64, csv_rows.BLOCK):
            monkeypatch.setattr(csv_rows, "BLOCK", block)
            for path, text in (
                (tmp_path / "a.csv", START + ROW + row + end),
                (tmp_path / "b.csv", b"\xef\xbb\xbf" + START + ROW + row),
            ):
                with pytest.raises(UserError, match=rf"{path.name}: {message}") as caught:
                    rows_of(path, text)
                assert "\n" not in str(caught.value)


def test_the_row_of_a_stray_quote_counts_rows_and_not_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK", 100)
    text = START + b'7,"two\r\nlines ""and"" more",x\r\n' * 50 + b'8,a"b,x\n'
    for name, content in (("a.csv", text), ("a.csv.gz", gzip.compress(text)), ("b.csv", text.replace(b"\r\n", b"\r"))):
        with pytest.raises(UserError, match=r"row 52: a quote inside a value that is not quoted, near '.*8,a\"b,x"):
            rows_of(tmp_path / name, content)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end(tmp_path, monkeypatch, end, last):
    text = "".join(f'{n},"a\n""b""",{"x" * n}{end}' for n in range(40)).removesuffix(end) + (end if last else "")
    for block in (70, 71, 1000):
        monkeypatch.setattr(csv_rows, "BLOCK", block)
        rows = rows_of(tmp_path / "a.csv", f"id,tags,note{end}{text}".encode())
        assert rows == [(str(n), 'a\n"b"', b"x" * n) for n in range(40)]


@pytest.mark.parametrize("content", [b"id,tags", b"id,tags\n", b'"id","tags"\r', b"\xef\xbb\xbfid,tags\n\n \r\n"])
def test_a_header_alone_has_no_rows(tmp_path, content):
    assert rows_of(tmp_path / "a.csv", content) == []


@pytest.mark.parametrize("width", [3, 9])
def test_text_with_line_breaks_and_commas_is_not_taken_for_rows(tmp_path, width):
    notes = ["a,b,c\nd", "7,a,x\n8,b,y", "\n,,", "one, two\nthree, four, five\n", "a\nb,c\nd", "1,2\n3,4"]
    text = io.StringIO()
    fill = [""] * (width - 3)
    csv.writer(text).writerows(
        [("id", "tags", *"abcdef"[: len(fill)], "note"), *((n, note, *fill, note) for n, note in enumerate(notes))]
    )
    rows = rows_of(tmp_path / "a.csv", text.getvalue().encode())
    assert [(row[0], row[1], row[-1]) for row in rows] == [(str(n), note, note.encode()) for n, note in enumerate(notes)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,tags", '{},"a\n1,b"'), ("tags,id", '"1,2\n3",{}'),
        ("id,tags,note", '{},"1,2\n3,4",x'), ("tags,id,note", '"1,2,3\n4",{},x'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ids", [(5, 7, 9), (9, 7, 5)])
def test_text_like_rows_whose_ids_do_not_fit_is_text(tmp_path, header, row, ids):
    value = row.split('"')[1]
    lines = [(row if post == 7 else row.replace(value, "x")).format(post) for post in ids]
    rows = rows_of(tmp_path / "a.csv", "\n".join([header, *lines]).encode())
    assert len(rows) == 3 and value in rows[1]


@pytest.mark.parametrize("text", ['5,"a\n6,b"\n7,c', '9,"a\n8,b"\n7,c', '9,a\n7,"b\n1,c"\n8,d', '7,"a\n8,b"', 'x,"a\n8,b"'])
def test_text_like_rows_whose_ids_fit_or_that_are_in_no_order_is_refused(tmp_path, text):
    with pytest.raises(UserError, match=r"tags has further rows in it: .*: remove or double the quote at its start, or sort"):
        rows_of(tmp_path / "a.csv", f"id,tags\n{text}".encode())


def test_a_row_of_many_megabytes_is_read_quickly(tmp_path):
    long = b"tag " * (15 << 18)
    started = time.process_time()
    assert [len(row[1]) for row in rows_of(tmp_path / "a.csv", START + b"7," + long + b",x\n8,b,x\n")] == [len(long), 1]
    assert time.process_time() - started < 5


def test_a_row_that_is_longer_than_a_block_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK", 1 << 20)
    text = START + ROW + b"8," + b"tag " * (3 << 18) + b",x\n" + ROW
    with pytest.raises(UserError, match=r"a\.csv: after row 2: a row of more than 1 MiB, or a quoted value that is never closed"):
        rows_of(tmp_path / "a.csv", text)


pieces = st.lists(st.sampled_from(['"', '""', ",", "\n", "\r", "\r\n", "a", "7", "\\", " "]), max_size=14).map("".join)


@settings(deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6), st.sampled_from([24, 37, 16 << 20]))
def test_what_is_read_is_what_a_strict_reader_reads(tmp_path_factory, rows, block):
    """The standard library's strict reader allows quotes in values that are not quoted; all else must be the same."""
    text = "id,tags,note\n" + "\n".join(f"{n},{row},x" for n, row in enumerate(rows)) + "\n"
    try:
        expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
    except csv.Error:
        expected = None
    path = tmp_path_factory.getbasetemp() / "strict.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "BLOCK", block)
        try:
            found = [(post, tags, note.decode()) for post, tags, note in rows_of(path, text.encode())]
        except UserError as error:
            assert "\n" not in str(error) and "strict.csv: " in str(error)
        else:
            assert found == expected
