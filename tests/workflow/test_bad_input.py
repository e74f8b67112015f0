"""An invalid input ends the run with one line that names the file, the place and the remedy."""

import json

import polars as pl
import pytest

POSTS = "posts/posts.parquet"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    from projects import new_project

    return new_project(tmp_path_factory.mktemp("bad") / "project", captions__generate=False)


@pytest.fixture(scope="module")
def table(project):
    return pl.read_parquet(project.folder / "sample/metadata.parquet")


def refused(project, target):
    """The error line of a run that fails to build `target`; it leaves nothing behind."""
    ran = project.run(target if "/" not in target else f"results/{target}", code=1)
    assert "Traceback" not in ran.text
    assert len(ran.errors) == 1, ran.text
    assert not project.path(target).exists()
    assert project.left_behind() == []
    return ran.errors[0]


def metadata(project, name, write):
    path = project.folder / name
    write(path)
    project.configure(inputs__metadata=[name])
    return refused(project, POSTS)


def test_a_missing_column(project, table):
    line = metadata(project, "a.parquet", table.drop("tag_string_meta").write_parquet)
    assert line.startswith("config.yaml: inputs.metadata: a.parquet: no column 'tag_string_meta'; did you mean tag_string_")
    assert "? it has id, created_at, " in line
    assert line.endswith(": set inputs.columns.meta to the right column, or to null if there is none")


def test_a_broken_row_of_csv(project, table):
    def write(path):
        lines = table.write_csv().splitlines()
        lines[120] = "12,only three,fields"
        path.write_text("\n".join(lines) + "\n")

    line = metadata(project, "g.csv", write)
    assert line == "error: g.csv: row 121: Expected 15 columns, got 3: 12,only three,fields: fix or remove the row"


def test_a_caption_source_that_is_not_json(project):
    project.configure(inputs__metadata=["sample/metadata.parquet"], inputs__captions=[{"files": ["h.json"]}])
    (project.folder / "h.json").write_text('{"1": {"caption": "one"},\n"2": {"caption": "tw')
    line = refused(project, "captions/meta_cap_base.json")
    assert line == 'error: h.json: key "2": the file is cut short in or after it: download or write it again'


def test_a_file_that_does_not_exist(project):
    project.configure(inputs__metadata=["nowhere.parquet"])
    lines = project.run("-n", code=1).text.splitlines()
    assert "config.yaml: inputs.metadata: nowhere.parquet: no such file: correct the path" in lines


def test_all_errors_of_inputs_and_captioner_are_named_before_the_first_job(make_project):
    project = make_project()
    project.configure(
        inputs__metadata=["sample/metadata.parquet", "nowhere.parquet"],
        inputs__columns={"score": "points"},
        inputs__captions=[{"files": ["sample/captions.parquet"], "id": "index", "columns": ["florence"]}],
        inputs__images="sample/pictures",
        captioner__model="models/none",
    )
    lines = [line for line in project.run("-n", code=1).text.splitlines() if line.startswith("config.yaml: ")]
    keys = [
        "inputs.metadata: nowhere",
        "inputs.images: sample/pictures",
        "inputs.metadata: sample",
        "inputs.captions.0",
        "captioner.model",
    ]
    assert [next(key for key in keys if line.startswith(f"config.yaml: {key}")) for line in lines] == keys


def test_the_config(make_project):
    project = make_project()
    project.configure(captions__shrads=3, captions__shards="many", tars__count=0, metdata={})
    text = project.run("-n", code=1).text
    assert "Traceback" not in text
    lines = [line.strip() for line in text.splitlines() if "config" in line and ": " in line]
    for words in (["captions.shrads", "shards"], ["captions.shards", "many"], ["tars.count", "0"], ["metdata"]):
        assert any(all(word in line for word in words) for line in lines), text


def test_tables_of_aliases_are_read_before_the_first_job(make_project):
    project = make_project()
    (project.folder / "aliases.csv").write_text("antecedent_name,consequent_name\na,b\nb,a\n")
    project.configure(tags__aliases=["aliases.csv"])
    line = "aliases.csv: row 2, aliases.csv: row 3: a and b are aliases of each other: remove one of the rows"
    assert project.run("-n", code=1).text.splitlines()[-1] == line
    project.configure(tags__rename={"solo": "hat", "hat": "solo"}, tags__aliases=[])
    assert "config.yaml: tags: rename: " in project.run("-n", code=1).text.splitlines()[-1]


def test_values_that_do_not_fit_each_other(make_project):
    project = make_project()
    project.configure(tokens__score_edges=[5, 0], tag_model__training={"batch_size": 10, "gradient_accumulation": 4})
    lines = [line for line in project.run("-n", code=1).text.splitlines() if line.startswith("config.yaml: ")]
    assert [line.split(":")[1].strip() for line in lines] == ["tokens.score_edges [5, 0]", "tag_model.training"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (".snakemake/products.tsv", "cannot be read (Is a directory): delete it, and changes of products until now go unnoticed"),
        ("results/inputs.json", "cannot be read (Is a directory): delete it"),
        ("results", "not a folder, or a link to none: mount the disk that it leads to, or remove the name"),
        ("journal", "not a folder, or a link to none: mount the disk that it leads to, or remove the name"),
    ],
)
def test_what_is_read_at_the_start_and_is_no_file_or_no_folder(make_project, name, line):
    project = make_project(captions__generate=False)
    path = project.folder / name
    if path.suffix:
        path.mkdir(parents=True)
    else:
        path.symlink_to("unmounted")
    lines = [said for said in project.run("--quiet", "all", code=1).text.splitlines() if not said.startswith("Using workflow")]
    assert lines == [f"{name}: {line}"]


def test_braces_in_the_name_of_an_input(make_project):
    text = make_project(inputs__metadata=["a{n}b"]).run("-n", code=1).text
    assert 'config.yaml: inputs.metadata.0: "a{n}b" does not match the pattern ^[^{}]+$\n' in text


def test_a_model_that_does_not_exist_stops_only_what_needs_it(make_project):
    project = make_project(captioner__model="models/toriigate")
    for options in (["-n"], []):
        text = project.run(*options, code=1).text
        assert "Traceback" not in text
        assert text.splitlines()[-1].startswith(
            "config.yaml: captioner.model: there is no folder models/toriigate: correct the path"
        )
        assert not project.path("posts").exists()
    assert project.plan("tags_json") == {"posts": 1, "tags_json": 1}
    project.configure(captioner__model="sample/captioner", captioner__device="cuda")
    for options in (["-n"], []):
        text = project.run(*options, "results/captions/raw_0.jsonl", code=1, BOORUFLOW_GPUS="0", CUDA_VISIBLE_DEVICES="").text
        assert "GPU" in text and "is visible on this machine: " in text
        assert "Traceback" not in text and "WorkflowError" not in text
        assert not project.path("posts").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"BAD": {"text": "hm"}}, "error: edited entries that are still bad: BAD (edited/mine.json: "),
        (
            {"6292362": {"text": "hm"}, "BAD": {"caption": "One."}},
            "error: edited/edited_2.json and edited/mine.json: id 6292362 is edited in both, differently: keep one",
        ),
    ],
)
def test_edited_files(built, content, expected):
    edits = built.read("captions/edits.json")
    bad, good = (
        next(post for n in range(4) for post in built.read(f"captions/{kind}_{n}.json") if post not in edits)
        for kind in ("bad", "good")
    )
    path = built.folder / "edited/mine.json"
    text = json.dumps(content).replace("BAD", bad)
    path.write_text(text)
    line = refused(built, "captions/fixed_2.json")
    assert line.startswith(expected.replace("BAD", bad))
    assert path.read_text() == text

    base, without = list(built.read("captions/meta_cap_base.json"))[:2]
    skipped = next(iter(built.read("captions/skipped_2.json")))
    typed = {post: {"caption": f"Typed for {post}."} for post in (bad, good, base, skipped, "5")}
    path.write_text(json.dumps(typed | {without: {"tags_only": True}}))
    ran = built.run("meta_cap", "missing_final")
    assert ran.jobs == {"fixed": 1, "meta_cap": 1, "missing_final": 1}
    remark = "though their output is good (now); the edit takes precedence"
    assert f"] warning: edited, {remark}: {good}\n" in ran.text
    assert "] warning: edited, but not in the data set; not used: 5\n" in ran.text
    assert "edits take the place of: 3 bad, 2 base, 1 generated, 1 skipped\n" in built.path("logs/fixed.log").read_text()
    captions, edits = built.read("meta_cap.json"), built.read("captions/edits.json")
    assert {post: captions.get(post) for post in typed} == typed | {"5": None}
    sources = {bad: "bad", good: "generated", base: "base", skipped: "skipped", without: "base"}
    assert {post: edits[post]["replaced"] for post in sources} == sources
    assert without not in captions and int(without) not in built.read("missing_final.json")["caption"]
    assert built.read("captions/counts.json")["tags_only"] == 1


def test_a_link_to_no_file_among_images_and_edited_files(make_project):
    project = make_project(captions__generate=False)
    (project.folder / "sample/images/0001.json").symlink_to("gone")
    (project.folder / "edited/mine.json").symlink_to("gone")
    assert project.plan("posts") == {"posts": 1}
    line = "edited/mine.json: not a readable file, or a link to none: restore the file or remove the name"
    assert line in project.run("-n", code=1).text.splitlines()


def test_a_subset_that_no_post_matches(project):
    metadata = ["sample/metadata.parquet"]
    project.configure(inputs__metadata=metadata, inputs__captions=[], subsets={"none": {"all": ["no_such_tag"]}})
    line = refused(project, "subsets/none/meta_cap.json")
    assert line.startswith("error: config.yaml: subsets.none: no post matches (left out by all: no_such_tag: 240 posts): widen")


def test_image_folders_without_an_image_of_a_post(project, tmp_path):
    project.configure(inputs__images=str(tmp_path), subsets={})
    assert refused(project, "images/images.parquet") == (
        f"error: config.yaml: inputs.images: no image in {tmp_path}: name the folder of the images, or [] if there are none"
    )
    (tmp_path / "7.png").write_bytes(b"")
    assert refused(project, "resolutions/resolutions.parquet").startswith(
        "error: config.yaml: inputs.images: no post of the data set has an image"
    )
