from pathlib import Path

import pytest
import yaml
from example_schema import SCHEMA
from hypothesis import given
from hypothesis import strategies as st

from booruflow.cli.config_text import WIDTH, config_text
from booruflow.core.config import check_config
from config_file import sample_config_text

ROOT = Path(__file__).parents[3]


def test_the_config_of_the_sample_has_every_key_and_comment_of_the_schema():
    assert (ROOT / "config.yaml").read_text("utf-8") == sample_config_text(), "run `make docs`"


def test_keys_sections_lists_and_names_have_comments():
    config = check_config(
        {"metadata": "a.parquet", "sources": [{"file": "b: c.json"}], "subsets": {"cats": {"tag": "cat"}}}, SCHEMA
    )
    assert (
        config_text(SCHEMA, config, "schema.yaml")
        == """\
# yaml-language-server: $schema=schema.yaml
# Configuration. All settings.

# The metadata, one file or many.
metadata: a.parquet

# Seed of the random numbers.
seed: 1

# Model and settings.
captioner:
  backend: transformers # Engine that runs. Values: transformers, openai.
  max_new_tokens: 512 # Limit of an answer.
  temperature: null # 0 is greedy | exact; <n> stays.
  # Sampling settings.
  sampling:
    used: false # Sample or not.

# Caption files.
sources:
  -
    file: 'b: c.json' # A path.
    id: id # A column.

# Filters by name.
subsets:
  cats: {tag: cat, score: -100}
"""
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(
    st.lists(texts, min_size=1), texts, st.dictionaries(texts, st.builds(lambda tag: {"tag": tag}, texts)), st.integers(1, 4096)
)
def test_the_text_reads_back_as_the_config(metadata, file, subsets, tokens):
    config = {"metadata": metadata, "sources": [{"file": file}], "subsets": subsets, "captioner": {"max_new_tokens": tokens}}
    filled = check_config(config, SCHEMA)
    text = config_text(SCHEMA, filled, "schema.yaml")
    assert yaml.safe_load(text) == filled
    assert all(len(line) <= WIDTH for line in text.splitlines() if line.lstrip().startswith("#"))


@pytest.mark.parametrize("value", ["no", "1", "null", "~", "a\nb", "", "#", "{x}", "- a", "é 字", "\x85", "\ufeffa"])
def test_text_that_yaml_could_take_for_something_else(value):
    filled = check_config({"metadata": value, "sources": []}, SCHEMA)
    assert yaml.safe_load(config_text(SCHEMA, filled, "schema.yaml"))["metadata"] == value


@pytest.mark.parametrize("name", ["a\nb", "\n", "\r", "\x85", "\u2028", "\u2029 \n", "\t", "\ufeffa", "\x00", "é 字 😀"])
def test_names_of_any_text_stay_on_one_line(name):
    filled = check_config({"metadata": "", "sources": [], "subsets": {"": {"tag": name}, name: {"tag": ""}}}, SCHEMA)
    text = config_text(SCHEMA, filled, "schema.yaml")
    assert yaml.safe_load(text)["subsets"] == filled["subsets"]
    assert len(text.split("subsets:\n")[1].splitlines()) == 2
