"""Exports in the real workflow: built, listed, kept, noticed when damaged, removed with their setting."""

import tarfile

import pytest

from booruflow.review.dataset import Dataset

EXPORTS = {"lora": {"form": "folder", "subset": "few"}, "set": {"form": "imagefolder", "images": "link"}}
TEXT = {"variants": [{"template": "{tags}"}, {"template": "{caption}"}]}
FEW = {"any": ["mirelle*", "artist:kento_*"], "at_most": {"artist": 4}, "sample": 10}


@pytest.fixture
def exported(built):
    built.configure(subsets={"few": FEW}, exports=EXPORTS, text=TEXT)
    jobs = built.run("all").jobs
    assert jobs["export"] == 2 and jobs["subset"] == 1 and jobs["manifest"] == 1 and "caption" not in jobs
    return built


def test_exports_are_products_of_the_workflow(exported):
    artifacts = exported.read("manifest.json")["artifacts"]
    assert {"exports/lora/files.tsv", "exports/lora/README.md", "exports/set/files.tsv"} <= set(artifacts)
    ids = set(exported.read("subsets/few/meta_cap.json")) | set(exported.read("subsets/few/tags/meta_cap_dd.json"))
    log = (exported.results / "logs/subsets/few.log").read_text()
    assert len(ids) <= 10 and "left out by any: " in log
    data = exported.path("exports/lora/data")
    assert {path.stem for path in data.iterdir()} <= ids and {path.suffix for path in data.iterdir()} == {".txt", ".webp"}
    assert exported.read("missing_final.json")["text"] == []
    for folder in ("", "subsets/few/"):
        tags, captions = exported.read(f"{folder}tags/meta_cap_dd.json"), exported.read(f"{folder}meta_cap.json")
        lines = {post: " ".join(entry["caption"].split()) for post, entry in captions.items()}
        texts = {post: f"{entry['tags']}\n{lines.get(post, '')}".rstrip("\n") for post, entry in tags.items()}
        trained = {
            path.rpartition("/")[2].split(".")[0]: entry for path, entry in exported.read(f"{folder}meta_lat.json").items()
        }
        assert {post: entry["caption"] for post, entry in trained.items()} == {post: texts[post] for post in trained}
        assert len(trained) > len(texts) / 2 and not any("tags" in entry for entry in trained.values())
        if not folder:
            line, caption = trained["1213521"]["caption"].split("\n")
            assert line.startswith("paper_kite_studio, original, 1girl, beach,") and caption == captions["1213521"]["caption"]
        with tarfile.open(exported.path(f"{folder}tars/captions/0001.tar")) as tar:
            members = {member.name: tar.extractfile(member).read().decode() for member in tar}
        assert members == {f"{post}.caption": text for post, text in texts.items() if int(post) % 10 == 1}
    assert set(texts) == ids
    assert exported.plan() == {}
    for text in (TEXT, {"variants": [{"template": "{caption}"}]}, {}):  # they are checked as they were built
        exported.configure(text=text)
        assert "products are as they were built" in exported.run("verify").text
    exported.configure(text=TEXT)

    review = Dataset(exported.folder)
    for path in data.glob("*.txt"):
        shown = [text.text for text in review.post(int(path.stem)).texts if text.name.startswith("export lora")]
        assert shown == path.read_text("utf-8").rstrip("\n").split("\n")
    image = next(data.glob("*.webp"))
    whole = image.read_bytes()
    image.unlink()
    assert exported.plan("export_lora") == {"export": 1, "export_lora": 1}
    assert exported.run("export_lora").text.count("lists data/") == 1
    assert image.read_bytes() == whole

    image.write_bytes(b"x" + whole[1:])
    ran = exported.run("verify", code=None)
    assert f"results/exports/lora/files.tsv: lists data/{image.name}, which has changed" in ran.text
    assert exported.run().jobs == {"export": 1, "manifest": 1}
    assert image.read_bytes() == whole

    exported.path("texts.json").write_text("{}")  # of an earlier version
    exported.configure(exports={}, subsets={}, text={})
    exported.run()
    assert not exported.path("texts.json").exists() and "tags" in next(iter(exported.read("meta_lat.json").values()))
    assert not exported.path("exports").exists() or not list(exported.path("exports").iterdir())
    assert next((exported.folder / "sample/images").glob("*.webp")).exists()


def test_a_filter_on_a_column_that_is_not_there_is_one_line(built):
    built.configure(subsets={"liked": {"min_fav_count": 10}})
    ran = built.run("results/subsets/liked/meta_cap.json", code=None)
    (line,) = ran.errors
    assert "subsets.liked.min_fav_count" in line and "no column fav_count" in line
