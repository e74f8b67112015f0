import os
import subprocess
import sys

import pytest

from booruflow.core.errors import UserError
from booruflow.sources.inputs import check_inputs, is_csv, is_json, listing_digest

UNSELECTIVE = {"subsets": {"cats": {"all": ["cat"], "ratings": []}}, "tokens": {"score_edges": []}}
"""Sections of the config that select no posts by rating or score."""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": {"id": "id", "general": "tags", "meta": "tags"}}, "inputs.columns: general and meta are both 'tags'"),
        (
            {"captions": [{"files": ["a.parquet", "b.json"], "columns": ["x"]}]},
            "captions.0.files: parquet and JSON files in one source",
        ),
        ({"captions": [{"files": ["a.parquet"], "columns": ["x", "x"]}]}, "captions.0.columns: a column is listed twice"),
        ({"metadata": ["nowhere.parquet"]}, "inputs.metadata: nowhere.parquet: no such file"),
        ({"resolutions": "nowhere.json"}, "inputs.resolutions: nowhere.json: no such file"),
    ],
)
def test_wrong_inputs_are_refused(changed, message):
    valid = {"columns": {"id": "id", "meta": None, "artist": None}, "metadata": [], "captions": [], "resolutions": ""}
    check_inputs(UNSELECTIVE | {"inputs": valid})
    with pytest.raises(UserError, match=f"config.yaml: .*{message}") as caught:
        check_inputs(UNSELECTIVE | {"inputs": valid | changed})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "selection", "key"),
    [
        ("rating", {"subsets": {"safe": {"ratings": ["g"]}}}, r"subsets\.safe\.ratings"),
        ("score", {"subsets": {"a": {}, "best": {"min_score": 0}}}, r"subsets\.best\.min_score"),
        ("score", {"tokens": {"score_edges": [0, 10]}}, r"tokens\.score_edges"),
    ],
)
def test_posts_are_not_selected_by_a_column_that_does_not_exist(column, selection, key):
    inputs = {"columns": {}, "metadata": [], "captions": [], "resolutions": ""}
    for name in ("x", None):
        config = UNSELECTIVE | selection | {"inputs": inputs | {"columns": {column: name}}}
        if name:
            check_inputs(config)
        else:
            with pytest.raises(
                UserError, match=rf"config\.yaml: {key}: inputs\.columns\.{column} is null, no post has a {column}"
            ):
                check_inputs(config)


def test_kinds_of_files():
    assert [is_csv(path) for path in ("a.csv", "b.CSV.gz", "c.parquet", "d.csv.parquet")] == [True, True, False, False]
    assert [is_json(path) for path in ("a.parquet", "b.PQ", "c.json", "d")] == [False, False, True, True]


def test_the_listing_digest_covers_names_and_the_sizes_of_tars_and_indexes(tmp_path):
    digests = [listing_digest(""), listing_digest(tmp_path)]
    assert digests[0] == digests[1] == listing_digest(tmp_path / "none")
    for name, content in (("1.png", "a"), ("0.tar", "a"), ("0.tar", "ab"), ("0.json", "a"), ("0.json", "ab"), ("2.png", "")):
        (tmp_path / name).write_text(content)
        digests.append(listing_digest(tmp_path))
    assert len(set(digests[1:])) == 7
    (tmp_path / "1.png").write_text("another image")
    assert listing_digest(str(tmp_path)) == digests[-1]


def test_importing_the_module_imports_no_data_frames():
    program = "import sys, booruflow.sources.inputs; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    modules = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout.split()
    assert not {b"polars", b"pyarrow", b"numpy"} & set(modules)
