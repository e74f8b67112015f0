import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.products.meta_cap import meta_cap_entries, named_captions, posts_of_tags_alone
from booruflow.products.summary import read_counts

SCRIPT = Path(__file__).parents[3] / "scripts/meta_cap.py"


@pytest.fixture
def write(tmp_path):
    def write(name, captions, **others):
        values = [json.dumps({"caption": caption, **others}, separators=(",", ":")) for caption in captions.values()]
        write_entries(tmp_path / name, [pl.DataFrame({"id": list(captions), "value": values}, schema=ENTRY_SCHEMA)])
        return tmp_path / name

    return write


def test_other_keys_of_good_entries_are_dropped(write):
    merged = pl.concat(meta_cap_entries(write("base", {}), [write("good", {1: 'a "b"'}, repaired=True)]))
    assert merged["value"].to_list() == ['{"caption":"a \\"b\\""}']


def test_later_sources_replace_earlier_ones(write):
    base = write("base", {1: "base", 2: "base", 3: "base"})
    generated = [write("good", {2: "good", 3: "good"}), write("fixed", {3: "fixed", 4: "fixed"})]
    merged = pl.concat(meta_cap_entries(base, generated))
    values = [f'{{"caption":"{source}"}}' for source in ("base", "good", "fixed", "fixed")]
    assert merged.equals(pl.DataFrame({"id": [1, 2, 3, 4], "value": values}, schema=ENTRY_SCHEMA))


def test_a_post_whose_last_caption_is_empty_is_left_out(write):
    base = write("base", {1: "base", 2: "base", 3: "base"})
    fixed = [write("fixed_0", {2: "", 9: ""}), write("fixed_1", {3: "fixed"})]
    assert pl.concat(meta_cap_entries(base, fixed))["id"].to_list() == [1, 3]
    tags = write("tags", {1: "a", 2: "a", 3: "a"})
    assert posts_of_tags_alone(fixed, tags)["id"].to_list() == [2]  # 9 has nothing that one could train on
    assert posts_of_tags_alone([], tags).schema == {"id": pl.Int64}


@pytest.fixture
def run_script(tmp_path, write):
    """Runs the script of the rule on base captions; returns its outputs."""

    def run():
        lists = dict.fromkeys(("splits", "good", "bad", "skipped", "failed", "fixed", "edits"), ())
        inputs = SimpleNamespace(base=write("base", {1: "a", 2: "b"}), posts="", **lists)
        outputs = SimpleNamespace(captions=tmp_path / "meta_cap.json", counts=tmp_path / "counts.json")
        snakemake = SimpleNamespace(input=inputs, output=outputs, log=[tmp_path / "log"], rule="meta_cap")
        runpy.run_path(str(SCRIPT), {"snakemake": snakemake})
        return outputs

    return run


def test_the_counts_are_written_beside_the_captions(run_script):
    outputs = run_script()
    assert list(json.loads(outputs.captions.read_bytes())) == ["1", "2"]
    counts = {name: count for name, count in read_counts(outputs.counts).items() if count}
    assert counts == {"base_captions": 2, "captions": 2}


def test_captions_that_differ_from_their_sources_end_the_job_before_anything_is_made_of_them(
    run_script, tmp_path, monkeypatch, capfd
):
    def write_too_few(path, stream):
        return write_entries(path, [pl.concat(stream).head(1)])

    monkeypatch.setattr("booruflow.core.idjson.write_entries", write_too_few)
    with pytest.raises(SystemExit):
        run_script()
    assert "check failed: meta_cap.json holds the latest caption of each id; not so for id 2 and 0 more" in capfd.readouterr().err
    assert not (tmp_path / "counts.json").exists()


def test_captions_by_their_name(tmp_path):
    path = tmp_path / "good_0.json"
    path.write_text('{\n"1": {"caption":"A.","parts":"B \\"b\\"."},\n"2": {"caption":"C.","repaired":true}\n}\n')
    for name, expected in (("caption", {"1": "A.", "2": "C."}), ("parts", {"1": 'B "b".'})):
        assert write_entries(tmp_path / "out.json", named_captions(path, name)) == len(expected)
        entries = json.loads((tmp_path / "out.json").read_text())
        assert entries == {id_: {"caption": caption} for id_, caption in expected.items()}
