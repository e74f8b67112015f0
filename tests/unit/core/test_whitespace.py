import json
import re

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.whitespace import one_line, one_line_json

WHITE = "".join(chr(c) for c in range(0x3001) if re.match(r"\s", chr(c)) and chr(c) not in "\x1c\x1d\x1e\x1f")


@given(st.lists(st.text(st.sampled_from(WHITE + "ab’漢"), max_size=12), min_size=1))
def test_every_run_of_white_space_is_one_space(texts):
    assert one_line(pl.Series(texts)).to_list() == [re.sub(f"[{WHITE}]+", " ", text).strip(" ") for text in texts]


@given(st.lists(st.text(st.sampled_from(WHITE + 'ab’漢"\\\x00\x1f'), max_size=12), min_size=1))
def test_json_text_is_collapsed_alike(texts):
    encoded = pl.Series([json.dumps(text, ensure_ascii=False) for text in texts])
    assert [json.loads(text) for text in one_line_json(encoded)] == one_line(pl.Series(texts)).to_list()


def test_the_input_column_is_not_changed():
    texts = pl.Series(["a\nb", "c"])
    assert one_line(texts).to_list() == ["a b", "c"]
    assert texts.to_list() == ["a\nb", "c"]
