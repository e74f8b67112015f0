"""Products do not depend on the order, division and format of inputs, and equal those of a naive implementation."""

import json
import tarfile
from itertools import chain
from pathlib import Path

import naive
import polars as pl
import synthetic
from projects import Project

FINAL = ("tags/", "captions/", "missing", "meta_", "resolutions/", "tars/", "subsets/", "posts/")


def final(project: Project) -> dict[str, str]:
    """The products that do not contain the location of images."""
    placed = ("missing/split_", "resolutions/resolutions.parquet")
    return {name: digest for name, digest in project.products().items() if name.startswith(FINAL) and not name.startswith(placed)}


def shuffled_files_with_an_index(table: pl.DataFrame, folder: Path) -> list[str]:
    """Three parquet files as pandas writes them, with the id as their index."""
    names = []
    for number, part in enumerate(table.sample(fraction=1, shuffle=True, seed=1).iter_slices(97)):
        names.append(f"part-{number}.parquet")
        part.to_pandas().set_index("id").to_parquet(folder / names[-1])
    return names


def csv_files(table: pl.DataFrame, folder: Path) -> list[str]:
    """Two CSV files, each with a header, everything quoted."""
    names = []
    for number, part in enumerate(table.sample(fraction=1, shuffle=True, seed=2).iter_slices(121)):
        names.append(f"posts-{number}.csv")
        part.write_csv(folder / names[-1], quote_style="always")
    return names


def images_in_tars(images: Path, folder: Path) -> None:
    """`<id % 1000>.tar`."""
    folder.mkdir()
    for image in sorted(images.iterdir()):
        with tarfile.open(folder / f"{int(image.stem) % 1000:04d}.tar", "a") as tar:
            tar.add(image, image.name)


def test_products_do_not_depend_on_the_format_of_inputs(built, sample, without_torch):
    table = pl.read_parquet(built.folder / "sample/metadata.parquet")
    base = dict(reversed(built.read("captions/meta_cap_base.json").items()))
    (built.folder / "captions.json").write_text(json.dumps(base, indent=2))
    images_in_tars(built.folder / "sample/images", built.folder / "images")
    built.configure(
        inputs__metadata=shuffled_files_with_an_index(table, built.folder),
        inputs__captions=[{"files": ["captions.json"]}],
        inputs__images="images",
    )
    built.path("inputs.json").unlink()  # the same data set, though all its files have other names
    jobs = built.run("meta_lat", **without_torch).jobs
    assert {"posts", "tags_json", "captions_json", "base_captions", "images", "caption", "meta_lat"} <= set(jobs)
    assert final(built) == final(sample)
    resolutions = [pl.read_parquet(each.path("resolutions/resolutions.parquet")).drop("folder") for each in (built, sample)]
    assert resolutions[0].equals(resolutions[1])


def test_csv_gives_identical_posts(built, sample):
    table = pl.read_parquet(built.folder / "sample/metadata.parquet")
    built.configure(inputs__metadata=csv_files(table, built.folder))
    assert built.run("posts").jobs == {"metadata_csv": 1, "posts": 1}
    assert built.products()["posts/posts.parquet"] == sample.products()["posts/posts.parquet"]


def normalized(entries):
    """Entries with sorted keys, as `json` reads them."""
    return json.loads(json.dumps(entries, sort_keys=True))


def test_content_equals_that_of_the_naive_implementation(make_project, tmp_path):
    synthetic.write_posts(tmp_path / "in", 5000, shuffled=True, resolutions="indented")
    source = {"files": [str(tmp_path / "in/captions.parquet")], "id": "index", "columns": naive.CAPTION_COLUMNS}
    project = make_project(
        inputs__metadata=[str(tmp_path / "in/metadata.parquet")],
        inputs__captions=[source],
        inputs__images="",
        inputs__resolutions=str(tmp_path / "in/meta_lat.json"),
        captions__generate=False,
        meta_lat__folder="/data/images",
        tars__count=50,
        subsets={},
    )
    project.run("meta_lat", "results/tars/captions/0049.tar", "results/missing/split_0.json", "results/missing/missing.json")
    job = naive.Settings(
        tmp_path / "in/metadata.parquet", tmp_path / "in/captions.parquet", tmp_path / "naive",
        tmp_path / "in/meta_lat.json", threads=1, tars=50,
    )  # fmt: skip
    for stage in naive.STAGES.values():
        stage(job)

    names = ["tags/meta_cap_dd.json", "captions/meta_cap_base.json", "meta_cap.json", "meta_lat.json"]
    for name in names:
        expected = json.loads((job.results / name).read_bytes())
        assert len(expected) > 4500
        assert project.read(name) == expected, name
    lines = [
        [json.loads(line) for line in (folder / "meta_lat.jsonl").read_bytes().splitlines()]
        for folder in (project.results, job.results)
    ]
    assert lines[0] == sorted(lines[1], key=lambda line: int(Path(line["image_path"]).stem))
    lists = json.loads((job.results / "missing/missing.json").read_bytes())
    assert project.read("missing/missing.json") == {kind: sorted(ids) for kind, ids in lists.items()}
    ours, theirs = (
        [json.loads((folder / f"missing/split_{n}.json").read_bytes()) for n in range(4)]
        for folder in (project.results, job.results)
    )
    assert all(ours) and sorted(chain(*ours)) == sorted(chain(*theirs)), "the same posts, though dealt out otherwise"
    for n in range(50):
        for end in ("tar", "json"):
            ours, theirs = (folder / f"tars/captions/{n:04d}.{end}" for folder in (project.results, job.results))
            assert (
                ours.read_bytes() == theirs.read_bytes()
                if end == "tar"
                else normalized(json.loads(ours.read_bytes())) == normalized(json.loads(theirs.read_bytes()))
            )

    project.run()
    assert "products are as they were built" in project.run("verify").text, "also where no captions are generated"
