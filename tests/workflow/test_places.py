"""Products do not depend on the project's path, the names of its inputs or the number of cores."""

import re
import shutil

import polars as pl


def test_unusual_paths_and_one_core_give_identical_products(make_project, sample):
    project = make_project("it's 字 añ", tars__count=10, meta_lat__folder="/data/images")
    (project.folder / "sample").rename(project.folder / "mon échantillon")
    project.configure(
        inputs__metadata=["mon échantillon/metadata.parquet"],
        inputs__captions=[
            {**source, "files": ["mon échantillon/captions.parquet"]} for source in project.config["inputs"]["captions"]
        ],
        inputs__images="mon échantillon/images",
        captioner__model="mon échantillon/captioner",
    )
    (project.folder / "journal").mkdir()
    for n in (0, 1, 2):  # to save time only the last shard is captioned
        shutil.copy(sample.folder / f"journal/shard_{n}_of_4.jsonl", project.folder / "journal")
    project.run(cores=1)
    assert [entry["id"] for entry in project.journal()] == [entry["id"] for entry in sample.journal()]
    products, expected = project.products(), sample.products()
    # these hold the places of images, which are in another folder, or digests of those that do
    placed = {name for name in expected if re.fullmatch(r"(images|resolutions)/\w+\.parquet|missing/split_\d\.parquet", name)}
    assert {name for name in expected if products.get(name) != expected[name]} <= placed | {"manifest.json"}
    assert products.keys() == expected.keys()
    for name in placed:
        text = pl.col(pl.String).str.replace_all("mon échantillon", "sample", literal=True)
        assert pl.read_parquet(project.path(name)).with_columns(text).equals(pl.read_parquet(sample.path(name))), name
    assert project.read("manifest.json")["summary"] == sample.read("manifest.json")["summary"]
    assert "Nothing to be done" in project.run("meta_lat").text
    project.configure(meta_lat__folder="")
    project.run("meta_lat")
    images = project.folder / "mon échantillon/images"
    assert all(path.startswith(f"{images}/") for path in project.read("meta_lat.json"))
