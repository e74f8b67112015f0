import io
import tarfile

import polars as pl
import pytest

from booruflow.cli.image_names import ImageNames, guess_image_name, look_into

MD5 = [f"{n:x}{'0123456789abcdef' * 2}"[:32] for n in range(10, 16)]
IDS = [8, 1002, 23456, 777778, 8000010, 12]


def guess(folders, metadata, id_column):
    return guess_image_name([name for each in folders for name in look_into(each, 99)[1]], metadata, id_column)


@pytest.fixture
def metadata(tmp_path):
    pl.DataFrame({"id": IDS}).write_parquet(tmp_path / "posts.parquet")
    return [str(tmp_path / "posts.parquet")]


@pytest.fixture
def folder(tmp_path):
    def make(names):
        for name in names:
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return [str(tmp_path / "images")]

    return make


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{id}.webp", "{id}"),
        ("{part}/danbooru_{id}_{md5}.webp", "danbooru_{id}_{md5}"),
        ("danbooru_{md5}_{id}.PNG", "danbooru_{md5}_{id}"),
        ("{id} - girl {n} (2024).jpg", "{id} - girl {text} (2024)"),
        ("{word}_{word}_drawn_by_x_{id}.jpg", "{text}_drawn_by_x_{id}"),
        ("set2_{id}.jpg", "set2_{id}"),
        ("{n}-{id}.jpg", "{text}-{id}"),
        ("yande.re {id} tags {word} and {word}.jpg", "yande.re {id} tags {text}"),
        ("post-{id}-p0.jpg", "post-{id}-p0"),
    ],
)
def test_the_form_is_found(folder, metadata, form, expected):
    names = [
        form.format(id=post, md5=md5, n=n + 30, part=f"{n:04}", word="abcdef"[n] * (n + 2))
        for n, (post, md5) in enumerate(zip(IDS, MD5, strict=True))
    ]
    found = guess(folder([*names, "notes.txt"]), metadata, "id")
    assert found == ImageNames(expected, len(IDS), len(IDS))


@pytest.mark.parametrize(
    "names", [[f"{md5}.jpg" for md5 in MD5], [f"8_{n + 90}.jpg" for n in range(6)], ["a.jpg"], ["7.jpg"], []]
)
def test_names_without_ids_are_taken_for_plain_ones(folder, metadata, names):
    assert guess(folder(names), metadata, "id") == ImageNames("{id}", len(names), 0)


def test_one_image_is_enough_and_plain_names_win_where_they_find_as_many(folder, metadata):
    assert guess(folder([f"danbooru_8_{MD5[0]}.jpg"]), metadata, "id").template == "danbooru_{id}_{md5}"
    assert guess(folder(["12.jpg"]), metadata, "id") == ImageNames("{id}", 2, 1)
    assert guess(folder([f"danbooru_1002_{MD5[1]}.jpg"]), metadata, "id") == ImageNames("danbooru_{id}_{md5}", 3, 2)


def test_names_in_tars_and_ids_in_csv(tmp_path):
    (tmp_path / "posts.csv").write_text("tags,post\n" + "".join(f'"a\nb",{post}\n' for post in IDS))
    (tmp_path / "images").mkdir()
    with tarfile.open(tmp_path / "images/0001.tar", "w") as tar:
        for post in IDS[:4]:
            tar.addfile(tarfile.TarInfo(f"sub/pic {post}.png"), io.BytesIO())
    found = guess([str(tmp_path / "images")], [str(tmp_path / "posts.csv")], "post")
    assert found == ImageNames("pic {id}", 4, 4)


def test_tables_and_tars_that_cannot_be_read_are_left_to_the_workflow(tmp_path, folder):
    (tmp_path / "posts.csv").write_text("id,tags\n8\n")
    folders = folder(["8.jpg"])
    assert guess(folders, [str(tmp_path / "posts.csv")], "id") == ImageNames("{id}", 1, 0)
    assert guess(folders, [], "id") == ImageNames("{id}", 1, 0)
    (tmp_path / "tars").mkdir()
    (tmp_path / "tars/0.tar").write_text("no tar")
    assert guess([str(tmp_path / "tars")], [], "id") == ImageNames("{id}", 0, 0)


def test_images_are_counted_and_those_of_tars_by_the_first(folder, tmp_path):
    (path,) = folder([*(f"a/{n}.webp" for n in range(5)), "b.txt"])
    assert [look_into(path, most)[0] for most in (3, 5, 9)] == [3, 5, 5]
    for name in ("0.tar", "1.tar"):
        with tarfile.open(tmp_path / "images" / name, "w") as tar:
            for member in ("1.webp", "2.JPG", "2.txt"):
                tar.addfile(tarfile.TarInfo(member), io.BytesIO())
    assert [look_into(path, most)[0] for most in (8, 9, 99)] == [8, 9, 9]
    (tmp_path / "images/0.tar").write_bytes(b"no tar")
    assert look_into(path, 99)[0] == 5
