import os
import shutil
from pathlib import Path

import pytest

from booruflow.sources.images.finding import files_below, listing_digest


def found(folder: Path) -> tuple[list[str], list[str]]:
    skipped: list[str] = []
    return sorted(name for name, _ in files_below(str(folder), skipped.append)), skipped


def test_subfolders_are_searched_and_hidden_files_left_out(tmp_path):
    for name in ("1.png", "a/2.png", "a/b/3.png", "a/4.png/5.png", ".6.png", ".trash/7.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path) == (["1.png", "a/2.png", "a/4.png/5.png", "a/b/3.png"], [])


def test_links_are_followed_once(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/1.png").touch()
    (tmp_path / "a/again").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a/b")
    (tmp_path / "nothing").symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    assert found(tmp_path) == (["a/b/1.png", "itself", "nothing"], [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_may_not_be_read_is_skipped(tmp_path):
    (tmp_path / "lost").mkdir(mode=0)
    assert found(tmp_path)[1] == [f"{tmp_path}/lost/: folder cannot be read (Permission denied)"]


def test_the_digest_covers_names_sizes_and_times_of_what_is_listed(tmp_path):
    folder = str(tmp_path)
    digests = [listing_digest([]), listing_digest([folder])]
    assert digests[1] != listing_digest([f"{folder}/none"])
    files = [("1.png", "a"), ("1.png", "ab"), ("a/2.webp", ""), ("0.tar", "a"), ("0.tar", "ab"), ("0.json", "a"), ("0.json", "b")]
    for clock, (name, content) in enumerate(files):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
        os.utime(tmp_path / name, ns=(clock, clock))
        digests.append(listing_digest([folder]))
    (tmp_path / "1.png").write_text("ba")  # of the same size
    digests.append(listing_digest([folder]))
    (tmp_path / "3.png").symlink_to("nowhere")
    (tmp_path / "1.tar").symlink_to("nowhere")
    os.mkfifo(tmp_path / "4.png")
    digests.append(listing_digest([folder]))
    assert len(set(digests)) == len(digests)
    for name in ("1.txt", "1.json", "a/notes", "4.mp4"):
        (tmp_path / name).write_text("not listed")
    assert listing_digest([folder]) == digests[-1]


def test_the_digest_does_not_depend_on_the_order_in_a_folder(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for post in range(20) if name == "one" else reversed(range(20)):
            (tmp_path / name / f"{post}.png").touch()
            os.utime(tmp_path / name / f"{post}.png", ns=(post, post))
    first = listing_digest([str(tmp_path / "one")])
    shutil.rmtree(tmp_path / "one")
    (tmp_path / "two").rename(tmp_path / "one")
    assert listing_digest([str(tmp_path / "one")]) == first
