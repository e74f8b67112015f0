import datetime
import decimal

import polars as pl
import pyarrow as pa
import pytest

from booruflow.core.errors import UserError
from booruflow.sources.tables.columns import Column, Place, check_columns, converted, plain, post_ids, times

PLACE = Place("a.parquet", 5)
TEXT, NUMBER = Column("text", "t", pl.String), Column("number", "n", pl.Int32)


def read(column, values):
    array = plain(values if isinstance(values, pa.Array) else pa.array(values))
    batch = pa.RecordBatch.from_arrays([pa.array(range(len(array))), array], ["id", column.source])
    return converted(batch, "id", [column], PLACE)[column.name]


def ids(values):
    return post_ids(plain(values if isinstance(values, pa.Array) else pa.array(values)), "id", PLACE).to_list()


@pytest.mark.parametrize(
    "values",
    [
        ["3", "800"], ["3.0", " 800.00 "], ["003", "+800"], [3.0, 800.0],
        pa.array([3, 800], pa.uint64()), pa.array([3, 800], pa.int16()),
        pa.array([3, 800], pa.float16()), pa.array([3, 800], pa.float32()), pa.array(["3", "800"], pa.string_view()),
        pa.array([3, 800]).dictionary_encode(), pa.array(["3", "800.0"]).dictionary_encode(),
        pa.array([b"3", b"800"], pa.large_binary()),
    ],
)  # fmt: skip
def test_integers_are_read_in_every_form(values):
    assert ids(values) == [3, 800]
    numbers = read(NUMBER, values)
    assert (numbers.to_list(), numbers.dtype, numbers.name) == ([3, 800], pl.Int32, "number")


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal(7), decimal.Decimal("7.5"), datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1),
        datetime.timedelta(1),
        True, "0x1F", "7.5", 7.5, "1e3", "1_000", "٣", [7], {"a": 7}, b"\x07", float("inf"), "seven", "7 8", 2.0**53 + 2,
    ],
)  # fmt: skip
def test_what_is_no_integer_is_no_id_and_no_number(value):
    for function in (ids, lambda values: read(NUMBER, values)):
        with pytest.raises(
            UserError, match=r"^a\.parquet: row 5: (id|n)( \(.*\))? is .*, not (a post id|an integer): "
        ) as caught:
            function([value, None])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, float("nan"), "", "nan", "NULL", " ", -1, "-1", 10**18, str(10**18), "9" * 25])
def test_an_id_is_never_missing_and_within_limits(value):
    assert ids([10**18 - 1]) == ids([str(10**18 - 1)]) == [10**18 - 1]
    with pytest.raises(UserError, match=r"a\.parquet: row 6: id is .*, not a post id: fix or remove the row"):
        ids([type(value)(7) if isinstance(value, str | float) else 7, value])


def test_floats_that_hold_several_integers_are_no_ids():
    assert ids(pa.array([2.0**24], pa.float32())) == [2**24]
    with pytest.raises(UserError, match="not a post id"):
        ids(pa.array([2.0**24 + 2], pa.float32()))


@pytest.mark.parametrize("values", [[None, 7.0, float("nan")], ["", "7", "NaN"], ["<NA>", "7.0", r"\N"], [None, "7", "N/A"]])
def test_a_missing_number_is_null(values):
    assert read(NUMBER, values).to_list() == [None, 7, None]


def test_numbers_beyond_32_bits_are_refused():
    assert read(NUMBER, [2**31 - 1, -(2**31)]).to_list() == [2**31 - 1, -(2**31)]
    for value in (2**31, -(2**31) - 1, 3e9, "3000000000"):
        with pytest.raises(UserError, match=r"row 6: n is .*, not an integer"):
            read(NUMBER, [type(value)(0), value])


@pytest.mark.parametrize(
    "values",
    [
        ["a", None], pa.array(["a", None], pa.large_string()), pa.array(["a", None], pa.string_view()),
        pa.array(["a", None]).dictionary_encode(), pa.array([b"a", None]), pa.array([b"a", None], pa.large_binary()),
    ],
)  # fmt: skip
def test_text_is_read_in_every_form(values):
    assert read(TEXT, values).to_list() == ["a", None]


@pytest.mark.parametrize(
    "value", [True, 0, 1.5, decimal.Decimal(1), datetime.date(2024, 5, 1), ["1girl"], [], {"a": "b"}, {"a": None}]
)
def test_what_is_no_text_is_refused(value):
    with pytest.raises(UserError, match=r"^a\.parquet: row 6: t \(.*\) is .*, not text: write the column in another type"):
        read(TEXT, [None, value])


@pytest.mark.parametrize("kind", [pa.null(), pa.bool_(), pa.float64(), pa.date32(), pa.list_(pa.string()), pa.decimal128(5)])
def test_a_column_without_values_may_have_any_type(kind):
    values = pa.array([None, None], kind)
    assert read(TEXT, values).to_list() == read(NUMBER, values).to_list() == [None, None]
    if kind == pa.float64():
        assert read(TEXT, [float("nan"), None]).to_list() == [None, None]


def test_long_values_are_shortened_in_messages():
    with pytest.raises(UserError) as caught:
        read(TEXT, [["tag"] * 10_000])
    assert len(str(caught.value)) < 200


def test_columns_are_checked_by_name():
    missing = Column("meta", "tags_meta", pl.String, remedy="set it to null")
    check_columns("a", ["t", "x", "x"], [TEXT, Column("none", None, pl.String), Column("width", "w", pl.Int32, required=False)])
    with pytest.raises(UserError, match=r"a: no column 'tags_meta'; did you mean tag_meta\? it has t, tag_meta: set it to null"):
        check_columns("a", ["t", "tag_meta"], [TEXT, missing])
    with pytest.raises(UserError, match="two columns 't'"):
        check_columns("a", ["t", "t"], [Column("width", "t", pl.Int32, required=False)])


def test_columns_that_a_table_lacks_are_null():
    batch = pa.RecordBatch.from_pydict({"id": ["7"]})
    assert converted(batch, "id", [TEXT, Column("none", None, pl.Int32)], PLACE).to_dicts() == [
        {"id": 7, "text": None, "none": None}
    ]


@pytest.mark.parametrize(
    ("values", "moment"),
    [
        (["2005-05-24T03:35:31.021-04:00"], datetime.datetime(2005, 5, 24, 7, 35, 31, 21_000)),
        (["2005-05-24 03:35:31.021000 UTC"], datetime.datetime(2005, 5, 24, 3, 35, 31, 21_000)),
        (["2007-02-10 05:21:38.43"], datetime.datetime(2007, 2, 10, 5, 21, 38, 430_000)),
        (["2021-02-03T04:05:06+0530"], datetime.datetime(2021, 2, 2, 22, 35, 6)),
        (["2021-02-03"], datetime.datetime(2021, 2, 3)),
        (["Thu Mar 04 00:30:00 -0600 2021"], datetime.datetime(2021, 3, 4, 6, 30)),
        ([1_600_000_000], datetime.datetime(2020, 9, 13, 12, 26, 40)),
        ([datetime.date(2021, 2, 3)], datetime.datetime(2021, 2, 3)),
        (
            [datetime.datetime(2021, 2, 3, 4, tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))],
            datetime.datetime(2021, 2, 3, 9),
        ),
    ],
)
def test_times_as_boorus_and_tables_write_them(values, moment):
    assert times(pa.array([*values, None]), "t", Place("a.parquet", 0)).to_list() == [moment, None]
