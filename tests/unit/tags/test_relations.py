import gzip

import pytest

from booruflow.core.errors import UserError
from booruflow.tags.relations import aliases, implied_tags, read_relations

HEADER = "id,antecedent_name,consequent_name,created_at,status\n"


def table(path, *rows, header=HEADER):
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def test_only_active_rows_count_and_other_columns_are_not_read(tmp_path):
    path = table(tmp_path / "a.csv", "1,a,b,2020,active", '2,"c",d,,deleted', '3,"e,""f",g,,active')
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfconsequent_name,antecedent_name\r\ny,x\r\n"))
    found = read_relations([path, tmp_path / "b.csv.gz"])
    assert [row[:2] for row in found] == [("a", "b"), ('e,"f', "g"), ("x", "y")]
    assert [row.place for row in found] == [f"{path}: row 2", f"{path}: row 4", f"{tmp_path / 'b.csv.gz'}: row 2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,count\n", "no column 'antecedent_name'.*it has name, count: take the table of aliases"),
        ("", "no column 'antecedent_name'"),
        (HEADER + "1,a,b,2020,active\n2,a\n", "row 3: 2 values, not 5: fix or remove the row"),
        (HEADER + "1,a b,c,,active\n", "row 2: 'a b' is not the name of a tag"),
        (HEADER + "1,,c,,active\n", "row 2: '' is not the name of a tag"),
        (HEADER + "1,c,c,,active\n", "row 2: c stands on both sides: remove the row"),
        (HEADER + '1,"c,c,,active\n', r"row \d: unexpected end of data: fix or remove the row"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=rf"a\.csv:? .*{message}"):
        read_relations([tmp_path / "a.csv"])


def test_a_table_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("a,b".encode("utf-16"))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"x" * 999)[:20])
    for message in (
        r"a\.csv: line 1: not UTF-8: save the file as UTF-8",
        r"b\.csv\.gz: not a complete \.gz file .*: download it again",
    ):
        with pytest.raises(UserError, match=message):
            read_relations([tmp_path / message.partition(":")[0].replace("\\", "")])
    with pytest.raises(UserError, match=r"c\.csv: cannot be read"):
        read_relations([tmp_path / "c.csv"])


def test_an_alias_of_two_tags_names_both_rows(tmp_path):
    rows = read_relations([table(tmp_path / "a.csv", "1,a,b,,active", "2,a,c,,active")])
    with pytest.raises(
        UserError, match=r"a\.csv: row 3: a is an alias of c, and of b in .*a\.csv: row 2: remove one of the rows"
    ):
        aliases(rows)
    assert aliases(read_relations([table(tmp_path / "b.csv", "1,a,b,,active", "2,a,b,,active")])).keys() == {"a"}


def test_aliases_in_a_circle_name_their_rows(tmp_path):
    rows = read_relations([table(tmp_path / "a.csv", "1,x,a,,active", "2,a,b,,active", "3,b,c,,active", "4,c,a,,active")])
    with pytest.raises(UserError, match=r"a\.csv: row 3, .*row 4, .*row 5: a and b and c are aliases of each other: remove one"):
        aliases(rows)


def test_implications_are_followed_to_their_end(tmp_path):
    rows = read_relations([table(tmp_path / "a.csv", "1,b,c,,active", "2,a,b,,active", "3,a,d,,active", "4,old,c,,active")])
    assert implied_tags(rows, {"old": "new", "c": "C"}) == {"b": ("C",), "a": ("C", "b", "d"), "new": ("C",)}


def test_implications_in_a_circle_name_their_rows_also_behind_an_alias(tmp_path):
    rows = read_relations([table(tmp_path / "a.csv", "1,a,b,,active", "2,b,old,,active", "3,x,a,,active")])
    with pytest.raises(UserError, match=r"row [23], .*row [23]: (a and b|b and a) imply each other: remove one of the rows"):
        implied_tags(rows, {"old": "a"})
    assert implied_tags(rows[1:2], {"old": "b"}) == {}
