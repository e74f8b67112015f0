import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from booruflow.sources.tables.input_checks import misnamed_columns, present_columns, table_errors

COLUMNS = {"id": "id", "rating": None, "score": None, "general": "tags", "artist": None, "character": None, "copyright": None}
COLUMNS |= {"meta": None, "image_width": "width", "image_height": "height", "file_ext": "ext"}


def test_all_tables_are_checked_and_all_errors_named(tmp_path):
    paths = {name: str(tmp_path / name) for name in ("a.parquet", "b.csv", "c.parquet", "d.parquet", "e.json", "gone.parquet")}
    pl.DataFrame({"id": [1], "tags": ["a"]}).write_parquet(paths["a.parquet"])
    (tmp_path / "b.csv").write_text("id,tag\n1,a\n")
    pq.write_table(pa.table({"post": [1], "caption": ["x"]}), paths["c.parquet"])
    (tmp_path / "d.parquet").write_bytes(b"not parquet")
    (tmp_path / "e.json").write_text("not JSON")
    captions = [
        {"files": [paths["c.parquet"], paths["gone.parquet"]], "id": "id", "columns": ["caption"]},
        {"files": [paths["c.parquet"]], "id": "post", "columns": ["caption", "text"]},
        {"files": [paths["e.json"]], "id": "id", "columns": ["caption"]},
    ]
    metadata = [paths["a.parquet"], paths["b.csv"], paths["d.parquet"]]
    (tmp_path / "f.json").write_text('{"id": 1, "caption": "a"}\n{"id": 2, "caption": "b"}\n')
    inputs = {"columns": COLUMNS, "metadata": metadata, "captions": captions, "resolutions": str(tmp_path / "f.json")}
    csv, broken, no_id, no_text, no_object, json_lines = table_errors(inputs)
    assert csv.startswith(f"config.yaml: inputs.metadata: {paths['b.csv']}: no column 'tags'") and "inputs.columns.general" in csv
    assert broken.startswith(f"config.yaml: inputs.metadata: {paths['d.parquet']}: ")
    assert no_id.startswith(f"config.yaml: inputs.captions.0: {paths['c.parquet']}: no column 'id'")
    assert no_text.startswith(f"config.yaml: inputs.captions.1: {paths['c.parquet']}: no column 'text'")
    assert no_object.startswith(f"config.yaml: inputs.captions.2: {paths['e.json']}: begins with b'not JSON', not with an object")
    assert json_lines.startswith(f"config.yaml: inputs.resolutions: {tmp_path}/f.json: JSON Lines")
    (tmp_path / "e.json").write_text('{"1": "a"}')
    assert table_errors(inputs | {"metadata": metadata[:1], "captions": captions[2:], "resolutions": ""}) == []


def test_the_columns_that_any_metadata_file_has(tmp_path):
    pl.DataFrame({"id": [1], "tags": ["a"], "md5": ["x"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("id,tags,favourites\n")
    columns = COLUMNS | {"fav_count": "favourites", "md5": None, "source": "source"}
    files = [str(tmp_path / name) for name in ("a.parquet", "b.csv", "gone.parquet")]
    assert present_columns({"columns": columns, "metadata": files}) == {"id", "general", "fav_count"}
    assert present_columns({"columns": columns, "metadata": files[:1]}) == {"id", "general"}


def test_a_column_that_may_be_absent_is_not_misspelt_in_silence(tmp_path):
    pl.DataFrame({"id": [1], "tags": ["a"], "favourites": [1]}).write_parquet(tmp_path / "a.parquet")
    inputs = {"metadata": [str(tmp_path / "a.parquet")]}
    columns = {"id": "id", "general": "tags", "image_width": None, "md5": "md5", "fav_count": "favorites", "source": "url"}
    misspelt, unknown = misnamed_columns(inputs | {"columns": columns})
    start = "config.yaml: inputs.columns."
    assert (
        misspelt
        == f"{start}fav_count: no metadata file has a column 'favorites'; did you mean favourites? correct it, or set null"
    )
    assert unknown == (
        f"{start}source: no metadata file has a column 'url'; they have favourites, id, tags: correct it, or set null"
    )
    assert not list(misnamed_columns(inputs | {"columns": columns | {"fav_count": "favourites", "source": "source"}}))
