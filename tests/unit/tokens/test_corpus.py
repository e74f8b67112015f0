import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from booruflow.core.errors import UserError
from booruflow.tokens.binary import TokenFile
from booruflow.tokens.corpus import write_summary, write_tokens
from booruflow.tokens.vocabulary import vocabulary_of, write_vocabulary

POSTS = [{"general": "solo hat " + "flower_hat " * (n % 3), "score": n, "artist": "someone" * (n % 2)} for n in range(100)]


def test_every_post_in_its_place_whatever_the_threads(posts_file, vocabulary, plainly, tmp_path, monkeypatch):
    monkeypatch.setattr("booruflow.tokens.columns.BATCH", 7)
    contents = []
    for threads in (1, 3):
        path = tmp_path / f"{threads}" / "tokens.bin"
        summary = write_tokens(posts_file(POSTS), vocabulary, path, 64, threads)
        contents.append((path.read_bytes(), path.with_suffix(".idx").read_bytes()))
    assert contents[0] == contents[1]
    tokens = TokenFile(path, vocabulary)
    assert [record.tolist() for record in tokens] == [plainly(post, vocabulary) for post in POSTS]
    assert tokens.post_ids.tolist() == list(range(10, 110))
    assert summary.tally.posts == 100 and summary.tally.repeated_tags == 33


def test_the_summary(posts_file, vocabulary, tmp_path):
    summary = write_tokens(
        posts_file([{"general": "solo " * n + "hat"} for n in (0, 1)] + [{}] * 2), vocabulary, tmp_path / "t.bin", 16, 1
    )
    files = [tmp_path / name for name in ("c.json", "l.tsv", "l.svg")]
    write_summary(summary, *files)
    counts = json.loads(files[0].read_text())
    assert counts["posts"] == 4
    assert counts["length"] == {
        "mean": 10.5, "1": 9, "5": 9, "25": 9, "50": 9, "75": 11, "95": 13, "99": 13, "99.5": 13, "99.9": 13, "100": 13,
    }  # fmt: skip
    assert files[1].read_text() == "tokens\tposts\n9\t2\n11\t1\n13\t1\n"
    first = files[2].read_bytes()
    write_summary(summary, *files)
    assert files[2].read_bytes() == first


def test_no_posts(posts_file, vocabulary, tmp_path):
    summary = write_tokens(posts_file([]), vocabulary, tmp_path / "t.bin", 16, 2)
    write_summary(summary, *[tmp_path / name for name in ("c.json", "l.tsv", "l.svg")])
    assert len(TokenFile(tmp_path / "t.bin", vocabulary)) == 0
    assert json.loads((tmp_path / "c.json").read_text())["length"]["100"] == 0


def test_posts_out_of_order_are_refused(posts_file, vocabulary, tmp_path):
    with pytest.raises(UserError, match="post 3 is not above"):
        write_tokens(posts_file([{"id": 4}, {"id": 3}]), vocabulary, tmp_path / "t.bin", 16, 1)
    assert not (tmp_path / "t.bin").exists()


def test_killed_while_writing_the_old_files_stay(posts_file, vocabulary, tmp_path):
    path = tmp_path / "tokens.bin"
    posts = posts_file(POSTS)
    write_vocabulary(vocabulary, tmp_path / "vocab.txt", tmp_path / "vocab.json")
    write_tokens(posts, vocabulary, path, 64, 1)
    before = path.read_bytes(), path.with_suffix(".idx").read_bytes()
    script = f"""
from pathlib import Path
from booruflow.tokens import binary, corpus
from booruflow.tokens.vocabulary import read_vocabulary
finish = binary.TokenWriter.finish
def stop(self):
    finish(self)
    print("written", flush=True)
    time.sleep(60)
binary.TokenWriter.finish = stop
folder = Path({str(tmp_path)!r})
corpus.write_tokens(folder / "posts.parquet", read_vocabulary(folder / "vocab.json"), folder / "tokens.bin", 16, 2)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "scripts")}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (path.read_bytes(), path.with_suffix(".idx").read_bytes()) == before
    write_tokens(posts, vocabulary, path, 64, 1)
    assert (path.read_bytes(), path.with_suffix(".idx").read_bytes()) == before
    assert not list(tmp_path.glob(".*"))


def test_the_example_in_the_documentation(posts_file, tmp_path):
    tags = {
        "general": {"1girl": 7, "solo": 6, "long_hair": 5, "twintails": 4, "flower": 3, "holding": 2, "basket": 1},
        "character": {"hatsune_miku": 1}, "copyright": {"vocaloid": 1}, "artist": {"someone": 1}, "meta": {"highres": 1},
    }  # fmt: skip
    posts = [
        {"id": 1042, "rating": "g", "general": "1girl"},
        {
            "id": 1043, "rating": "s", "general": "1girl holding_flower_basket long_hair solo twintails",
            "artist": "someone_rare", "character": "hatsune_miku", "copyright": "vocaloid", "meta": "highres",
        },
    ]  # fmt: skip
    write_tokens(posts_file(posts), vocabulary_of(tags), tmp_path / "tokens.bin", 256, 1)
    page = (Path(__file__).parents[3] / "docs" / "tokens.md").read_text()
    dump = re.findall(r"^ {4}[0-9a-f]{8}: ((?:[0-9a-f]{2,4} )+)", page, re.MULTILINE)
    assert bytes.fromhex("".join(dump)) == (tmp_path / "tokens.bin").read_bytes()
