"""Small posts, and policies by the schema of the config."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import yaml

from booruflow.core.config import check_config
from booruflow.sources.posts import EXTRA_SCHEMA, POSTS_SCHEMA, TAG_CATEGORIES
from booruflow.tags.policy import tag_policy

ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def policy() -> Callable[..., dict[str, Any]]:
    """The policy of a config section `tags`."""

    def build(**section: object) -> dict[str, Any]:
        config = check_config({"inputs": {"metadata": ["posts.parquet"]}, "tags": section}, SCHEMA)
        return tag_policy(config["tags"], SCHEMA["properties"]["tags"], ROOT / "policies")

    return build


@pytest.fixture(scope="session")
def batch() -> Callable[..., pa.RecordBatch]:
    """Posts as a batch; tags that are not given are empty, ids count from 10."""

    def build(posts: list[dict[str, Any]]) -> pa.RecordBatch:
        rows = [{"id": n, "rating": "g", **dict.fromkeys(TAG_CATEGORIES, ""), **post} for n, post in enumerate(posts, start=10)]
        frame = pl.DataFrame(rows, schema={**POSTS_SCHEMA, **EXTRA_SCHEMA}, infer_schema_length=None)
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks().to_batches()[0]

    return build


@pytest.fixture
def posts_file(batch: Callable[..., pa.RecordBatch], tmp_path: Path) -> Callable[..., Path]:
    """Posts as a file."""

    def write(posts: list[dict[str, Any]]) -> Path:
        pl.DataFrame(batch(posts)).write_parquet(tmp_path / "posts.parquet")
        return tmp_path / "posts.parquet"

    return write
