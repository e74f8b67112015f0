import hashlib
import json
import re

import polars as pl

from booruflow.products.manifest import describe_artifacts, leftovers, remove_leftovers, write_manifest
from booruflow.products.tars import write_tars


def test_each_artifact_has_its_size_digest_and_count(tmp_path):
    (tmp_path / "meta_cap.json").write_bytes(b"{\n}\n")
    write_tars(tmp_path / "tars", [pl.DataFrame({"id": [7], "text": ["seven"]})], "caption", 1)
    paths = [str(tmp_path / name) for name in ("tars/0000.tar", "tars/0000.json", "meta_cap.json")]
    artifacts = describe_artifacts(paths, tmp_path, {"captions": 0, "for_the_trainer": 9})
    assert list(artifacts) == ["meta_cap.json", "tars/0000.json", "tars/0000.tar"]
    for name, entry in artifacts.items():
        data = (tmp_path / name).read_bytes()
        assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert entry.get("entries") == (0 if name == "meta_cap.json" else None)


def test_the_manifest_is_json_with_one_artifact_a_line(tmp_path):
    path = tmp_path / "manifest.json"
    artifacts = {'odd "name"': {"size": 1, "sha256": "a"}, "b": {"size": 2, "sha256": "b", "entries": 3}}
    for summary, settings in (
        ({"posts": 8005010, "of_these_tags_alone": 7}, {"image_name": "{id}"}),
        ({"posts": 3}, {"image_name": "{id}_{md5}", "text": {"variants": [{"template": "{tags}"}]}}),
    ):
        write_manifest(path, summary, artifacts, settings)
        text = path.read_text()
        fields, last = text.rsplit("\n", 2)[0] + "\n", text.splitlines()[-1]
        digest = hashlib.sha256(fields.encode()).hexdigest()
        assert json.loads(text) == {"summary": summary, **settings, "artifacts": artifacts, "sha256": digest}
        assert last == f'"sha256":"{digest}"}}'
        assert text.count("\n") == 6 + len(settings)


KEPT = [
    "captions/good_0.json", "captions/raw_0.jsonl", "captions/stats_0.json", "captions/meta_cap_base.json", "meta_cap.json",
    "missing/missing.json", "missing/split_0.json", "tars/captions/0000.tar", "tars/notes.txt", "subsets/new/meta_cap.json",
    "subsets/mine/notes.txt", "logs/caption_7.log", "edit_list/edited_7.json", "journal/7_of_8.jsonl",
    "converted/metadata.parquet", "captions/short/good_0.json", "captions/short/raw_0.jsonl", "captions/short/stats_0.json",
    "captions/attempts/shard_0_of_4.jsonl", "captions/attempts/short/shard_0_of_4.jsonl", "captions/counts.json",
    "captions/counts_short.json", "meta_cap_short.json",
]  # fmt: skip
LEFT_OVER = [
    "captions/counts_old.json", "captions/old/good_0.json", "captions/old/raw_0.jsonl", "meta_cap_old.json",
    "traits/characters.parquet",
    "captions/good_7.json", "captions/raw_7.jsonl", "captions/stats_7.json", "converted/captions_3.parquet",
    "missing/split_7.json", "missing/split_7.parquet", "subsets/mine/meta_lat.jsonl", "subsets/old/meta_cap.json",
    "subsets/old/tags/meta_cap_dd.json", "subsets/old/tars/tags/0999.tar", "tars/captions/0999.json", "tars/captions/0999.tar",
]  # fmt: skip


def test_what_an_earlier_setting_made_is_removed_and_nothing_else(tmp_path):
    for name in KEPT + LEFT_OVER:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    listed = [name for name in KEPT if not re.search("raw_|stats_|attempts|logs|edit_list|journal", name)]
    assert leftovers(tmp_path, listed) == sorted(LEFT_OVER)
    remove_leftovers(tmp_path, listed)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == set(KEPT)
    assert not (tmp_path / "subsets/old").exists()
    assert leftovers(tmp_path, listed) == []
