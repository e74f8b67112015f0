import hashlib
import json

import polars as pl

from booruflow.products.manifest import describe_artifacts, write_manifest
from booruflow.products.tars import write_tars


def test_each_artifact_has_its_size_digest_and_count(tmp_path):
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags/x.json").write_bytes(b"{\n}\n")
    write_tars(tmp_path / "tars", [pl.DataFrame({"id": [7], "text": ["seven"]})], "caption", 1)
    paths = [str(tmp_path / name) for name in ("tars/0000.tar", "tars/0000.json", "tags/x.json")]
    artifacts = describe_artifacts(paths, tmp_path, {"tags/x.json": 0, "not/built": 9})
    assert list(artifacts) == ["tags/x.json", "tars/0000.json", "tars/0000.tar"]
    for name, entry in artifacts.items():
        data = (tmp_path / name).read_bytes()
        assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert entry.get("entries") == (0 if name == "tags/x.json" else None)


def test_the_manifest_is_json_with_one_artifact_a_line(tmp_path):
    path = tmp_path / "manifest.json"
    artifacts = {'odd "name"': {"size": 1, "sha256": "a"}, "b": {"size": 2, "sha256": "b", "entries": 3}}
    write_manifest(path, {"posts": 8005010, "of_these_tags_alone": 7}, artifacts)
    assert json.loads(path.read_text()) == {"summary": {"posts": 8005010, "of_these_tags_alone": 7}, "artifacts": artifacts}
    assert path.read_text().count("\n") == 5
