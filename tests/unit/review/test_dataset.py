"""A data set opened for reading, also while its products are absent, damaged or replaced."""

import shutil

import polars as pl
import pytest
import yaml
from small_dataset import IDS, KIND_OF, RAW, SHARDS, of_kind, write

from booruflow.core.errors import UserError
from booruflow.review.dataset import Dataset
from booruflow.review.model import Origin

ORIGINS = {
    "base": "base", "good": "generated", "fallback": "fallback", "bad": "bad", "skipped": "skipped", "failed": "failed",
    "edited base": "edited", "edited bad": "edited", "tags only base": "tags only", "nothing": "nothing",
}  # fmt: skip


def test_a_page_has_each_post_with_the_origin_of_its_caption(dataset):
    assert (dataset.missing(), dataset.count()) == ([], len(IDS))
    page = dataset.page(0, 100)
    assert [post.id for post in page] == IDS
    assert {post.id: post.origin for post in page} == {post: ORIGINS[KIND_OF[post]] for post in IDS}
    captions = {post.id: post.caption for post in page if post.caption}
    assert captions[of_kind("edited base")[0]] == f"Edited {of_kind('edited base')[0]}."
    assert captions.keys() == set(of_kind("base", "good", "fallback", "edited base", "edited bad"))
    assert {post.reason for post in page if post.origin == "failed"} == {"status 500"}
    assert [post.id for post in dataset.page(7, 3)] == IDS[7:10]
    assert [post.id for post in dataset.page(len(IDS) - 2, 10)] == IDS[-2:]
    assert dataset.page(len(IDS), 10) == []


def test_a_jump_goes_to_the_id_or_the_next_one(dataset):
    assert [dataset.place(post) for post in (0, IDS[0], IDS[0] + 1, IDS[5], IDS[-1] + 1, 10**30)] == [
        0,
        0,
        1,
        5,
        len(IDS),
        len(IDS),
    ]
    assert (dataset.neighbour(IDS[3], 1), dataset.neighbour(IDS[3], -1)) == (IDS[4], IDS[2])
    assert (dataset.neighbour(IDS[-1], 1), dataset.neighbour(IDS[0], -1), dataset.neighbour(0, 1)) == (None, None, IDS[0])


def test_a_post_has_all_that_is_known_of_it(dataset):
    post = dataset.post(of_kind("edited bad")[0])
    assert (post.origin, post.caption, post.reason, post.raw) == (Origin.EDITED, f"Edited {post.id}.", "truncated", RAW)
    assert post.origin_file == f"results/captions/fixed_{post.shard}.json"
    assert post.tags["general"][:3] == ("1girl", "solo", f"tag_{post.id}")
    assert post.details == {"file_ext": "png", "source": f"https://example.org/{post.id}"}
    assert [(text.name, text.text, text.file) for text in post.texts] == [
        ("caption", f"Edited {post.id}.", "results/meta_lat.json"),
        ("tags", "1girl", "results/meta_lat.json"),
    ]
    record = post.record
    assert (record.model, record.backend, record.settings) == ("transformers model", "transformers", {"top_p": 1})
    assert (record.completion_tokens, record.seconds, record.finish_reason) == (5, 0.5, "stop")
    assert "1girl, solo" in record.prompt


def test_what_the_fallback_wrote_says_so(dataset):
    record = dataset.post(of_kind("fallback")[0]).record
    assert (record.backend, record.model) == ("tipo", "tipo model")


@pytest.mark.parametrize(
    ("kind", "sources"), [("edited base", {"edited", "base"}), ("tags only base", {"base"}), ("nothing", set())]
)
def test_all_sources_of_a_caption(dataset, kind, sources):
    post = dataset.post(of_kind(kind)[0])
    assert post.sources.keys() == sources
    assert (post.record, post.shard is None) == (None, kind != "nothing")


@pytest.mark.parametrize("post", [-1, 0, IDS[0] + 1, 10**18, 10**40])
def test_what_is_no_post_is_none(dataset, post):
    assert dataset.post(post) is None


def test_flags_of_a_post(dataset, folder):
    import polars as pl

    assert dataset.post(IDS[2]).flags == []
    (folder / "results/quality").mkdir()
    rows = [(IDS[1], "long", None), (IDS[2], "echo", "said twice"), (IDS[2], "short", "")]
    pl.DataFrame(rows, schema=["id", "flag", "detail"], orient="row").write_parquet(folder / "results/quality/flags.parquet")
    assert [dataset.post(post).flags for post in IDS[:4]] == [[], [("long", "")], [("echo", "said twice"), ("short", "")], []]


def test_an_edit_is_pending_until_the_workflow_has_taken_it_up(dataset, folder):
    post, edited = of_kind("base")[0], of_kind("edited base")
    assert [each.id for each in dataset.page(0, 100) if each.pending] == of_kind("edited base", "edited bad", "tags only base")
    for each in (*edited, *of_kind("edited bad")):
        dataset.edits.save(each, "caption", f"Edited {each}.", version="", session="s")
    for each in of_kind("tags only base"):
        dataset.edits.save(each, "tags only", version="", session="s")
    assert [each.id for each in dataset.page(0, 100) if each.pending] == []
    dataset.edits.save(post, "caption", "A new one.", version="", session="s")
    assert [each.id for each in dataset.page(0, 100) if each.pending] == [post]


def test_an_edit_that_the_workflow_would_refuse_is_not_saved(dataset):
    post = of_kind("bad")[0]
    with pytest.raises(UserError, match=r"cannot be used yet \(truncated\)"):
        dataset.edits.save(post, "text", '{"character": "A girl.", "x', version="", session="s")
    with pytest.raises(UserError, match="as the model wrote it"):
        dataset.edits.save(post, "text", RAW, version="", session="s")
    edit = dataset.edits.save(post, "text", '{"character": "A girl with red hair."}', version="", session="s")
    assert edit.action == "text"


PRODUCTS = [
    "posts/posts.parquet", "captions/meta_cap_base.json", "meta_cap.json", "meta_lat.json", "images/images.parquet",
    *(f"captions/{kind}_1.json" for kind in ("good", "bad", "skipped", "failed", "fixed", "stats")),
    "captions/raw_1.jsonl", "missing/split_1.parquet", "tags/meta_cap_dd.json", "resolutions/resolutions.parquet",
]  # fmt: skip


@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "other"])
def test_a_product_that_is_absent_or_damaged_never_raises(dataset, folder, damage):
    for name in PRODUCTS:
        path = folder / "results" / name
        data = path.read_bytes()
        path.unlink()
        if damage != "absent":
            path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "other": b'{"of": "another kind"}\n' * 99}[damage])
        dataset.page(0, 100)
        for post in IDS[:10]:
            dataset.post(post)
        dataset.place(IDS[3])
        assert all(isinstance(line, str) for line in dataset.missing())
        if damage == "absent" and "_1" not in name:
            assert f"results/{name} is missing: snakemake " in "".join(dataset.missing())
        path.write_bytes(data)
        assert [post.id for post in dataset.page(0, 100)] == IDS
        for post in IDS[:10]:
            dataset.post(post)
        assert dataset.missing() == [], name


def test_results_that_are_removed_and_built_again(dataset, folder):
    assert dataset.page(0, 3)
    (folder / "results").rename(folder / "before")
    assert (dataset.page(0, 3), dataset.count(), dataset.post(IDS[0]), dataset.place(IDS[2])) == ([], 0, None, 0)
    assert len(dataset.missing()) == 8 and f"captions of {SHARDS} of {SHARDS} shards" in dataset.missing()[-1]
    shutil.move(folder / "before", folder / "results")
    write(folder / "results/meta_cap.json", {IDS[0]: {"caption": "New."}})
    assert dataset.page(0, 1)[0].caption == "New."


def test_a_damaged_file_of_edits_hides_no_posts(dataset, folder):
    (folder / "edited").mkdir()
    (folder / "edited/review.json").write_text('{"1": ')
    assert [post.id for post in dataset.page(0, 100)] == IDS
    assert "edited/review.json: line 1" in "".join(dataset.missing())
    (folder / "edited/review.json").unlink()
    dataset.page(0)
    assert dataset.missing() == []


def test_what_is_no_data_set_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.yaml: no such file: give the folder of a data set"):
        Dataset(tmp_path)
    (tmp_path / "config.yaml").write_text("captions: {shards: none}")
    with pytest.raises(UserError, match=r"config\.yaml: .*"):
        Dataset(tmp_path)


def test_a_post_has_its_texts_in_exports(dataset):
    config = dataset.folder / "config.yaml"
    settings = yaml.safe_load(config.read_text("utf-8"))
    settings["exports"] = {
        "lora": {"form": "folder", "variants": [{"template": "{rating}: {general}"}, {"template": "{caption}"}]},
        "own": {"form": "aozora"},
        "few": {"form": "folder", "subset": "some"},
        "unbuilt": {"form": "folder"},
    }
    settings["subsets"] = {"some": {"any": ["1girl"]}}
    config.write_text(yaml.safe_dump(settings), "utf-8")
    for name in ("lora", "own", "few"):
        (dataset.folder / f"results/exports/{name}").mkdir(parents=True)
    dataset, post = Dataset(dataset.folder), of_kind("base")[0]
    texts = [(text.name, text.text) for text in dataset.post(post).texts if text.name.startswith("export")]
    assert texts == [
        ("export lora, text 1", f"general: {', '.join(dataset.post(post).tags['general'])}"),
        ("export lora, text 2", f"Base {post}."),
        ("export own, text 1", "1girl"),
        ("export own, text 2", f"Base {post}."),
        ("export own, text 3", f"1girl. Base {post}."),
        ("export own, text 4", f"Base {post}. 1girl"),
    ]
    assert dataset.missing() == []
    settings["tags"]["policies"] = ["booru-noise"]  # its table is not there, or not whole
    config.write_text(yaml.safe_dump(settings), "utf-8")
    for content in (None, b"", pl.DataFrame({"id": [post]})):
        path = dataset.folder / "results/tags/tags.parquet"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            content.write_parquet(path)
        assert [text.name for text in Dataset(dataset.folder).post(post).texts] == ["caption", "tags"]


def test_a_search_offers_flags_with_their_counts_reasons_and_shards(dataset):
    assert (dataset.choices().flags, dataset.choices().shards) == ({}, SHARDS)
    assert {"truncated", "no image"} <= set(dataset.choices().reasons)
    path = dataset.folder / "results/quality/counts.json"
    path.parent.mkdir()
    path.write_text('{"flags": {"a": {}, "b": {"base": 2, "generated": 5}, "c": {"base": 1}}}')
    assert dataset.choices().flags == {"b": 7, "c": 1, "a": 0}
    path.write_text('{"flags": 3}')
    assert dataset.choices().flags == {}
    assert any("counts.json" in line for line in dataset.missing())
