import numpy as np
import pytest

from booruflow.core.errors import UserError
from booruflow.tag_model.vectors import nearest, read_lines, write_vectors


@pytest.mark.parametrize("batch", [3, 1000])
def test_nearest_is_sorting_by_cosine(batch):
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float16)
    vectors[7] = vectors[31]
    rows, cosines = nearest(vectors, vectors[31], 10, batch)
    exact = vectors.astype(np.float32) @ vectors[31].astype(np.float32)
    exact /= np.linalg.norm(vectors.astype(np.float32), axis=1) * np.linalg.norm(vectors[31].astype(np.float32))
    assert rows[:2].tolist() == [7, 31]
    np.testing.assert_allclose(cosines, np.sort(exact)[::-1][:10], atol=1e-5)


def test_parts_are_written_one_after_the_other(tmp_path):
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
    parts = [(np.array([5, 9]), vectors[:2]), (np.array([10, 2**40]), vectors[2:])]
    write_vectors(tmp_path / "v.npy", tmp_path / "ids.npy", 4, 3, parts)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy", mmap_mode="r"), vectors.astype(np.float16))
    assert np.load(tmp_path / "ids.npy").tolist() == [5, 9, 10, 2**40]


def test_nothing_is_left_of_a_write_that_failed(tmp_path):
    def parts():
        yield np.array([1]), np.zeros((1, 2), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_vectors(tmp_path / "v.npy", tmp_path / "ids.npy", 2, 2, parts())
    assert list(tmp_path.iterdir()) == []


def test_no_vectors_at_all(tmp_path):
    write_vectors(tmp_path / "v.npy", tmp_path / "ids.npy", 0, 2, [])
    assert np.load(tmp_path / "v.npy").shape == (0, 2)


def test_lines(tmp_path):
    (tmp_path / "t").write_text("a\nb\u2028c\n", encoding="utf-8")
    assert read_lines(tmp_path / "t") == ["a", "b\u2028c"]
    with pytest.raises(UserError, match="missing"):
        read_lines(tmp_path / "nothing")
