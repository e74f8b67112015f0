import numpy as np
import pytest

from booruflow.tag_model.embedding import write_vectors


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
