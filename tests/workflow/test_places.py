"""The same products wherever the project lies, whatever its results are called, on one core as on two."""


def test_odd_paths_and_one_core_give_the_same_bytes(make_project, sample):
    project = make_project("it's 字 {n} añ", tars__count=10, meta_lat__folder="/data/images", results="my résults")
    (project.folder / "sample").rename(project.folder / "mon échantillon {n}")
    project.configure(
        inputs__metadata=["mon échantillon {n}/metadata.parquet"],
        inputs__captions=[
            {**source, "files": ["mon échantillon {n}/captions.parquet"]} for source in project.config["inputs"]["captions"]
        ],
        inputs__pictures="mon échantillon {n}/images",
        inputs__edited="mon échantillon {n}/edited",
        captioner__model="mon échantillon {n}/captioner",
    )
    project.run(cores=1)
    assert project.products() == sample.products()
    assert "Nothing to be done" in project.run("meta_lat").text
    project.configure(meta_lat__folder="")
    project.run("meta_lat")
    pictures = project.folder / "mon échantillon {n}/images"
    assert all(path.startswith(f"{pictures}/") for path in project.read("meta_lat.json"))
