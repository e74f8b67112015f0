import numpy as np
import pytest
from small_tag_sets import small_architecture

from booruflow.core.errors import UserError
from booruflow.tag_model.embedding import embed, write_vectors
from booruflow.tag_model.sets import write_tags
from booruflow.tag_model.similar import nearest, similar
from booruflow.tag_model.training import new_model


@pytest.fixture
def folder(splits, tmp_path):
    vocabulary, sets = splits.train.vocabulary, splits.test
    model = new_model(small_architecture(vocabulary), splits.train, 0, "padded").eval()
    write_tags(tmp_path / "model" / "tags.tsv", vocabulary)
    vectors, ids = embed(model, sets), np.asarray(sets.ids)
    write_vectors(tmp_path / "embeddings.npy", tmp_path / "ids.npy", len(sets), 32, [(ids, vectors)])
    np.save(tmp_path / "tags.npy", model.tag_vectors().detach().numpy().astype(np.float16))
    return tmp_path


@pytest.mark.parametrize("batch", [3, 1000])
def test_nearest_is_sorting_by_cosine(batch):
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float16)
    vectors[7] = vectors[31]
    rows, cosines = nearest(vectors, vectors[31], 10, batch)
    exact = vectors.astype(np.float32) @ vectors[31].astype(np.float32)
    exact /= np.linalg.norm(vectors.astype(np.float32), axis=1) * np.linalg.norm(vectors[31].astype(np.float32))
    assert rows[:2].tolist() == [7, 31]
    np.testing.assert_allclose(cosines, np.sort(exact)[::-1][:10], atol=1e-5)


@pytest.mark.parametrize("dimensions", [None, 8])
def test_results_are_the_best_other_tags_or_posts(folder, splits, dimensions):
    post, tag = int(splits.test.ids[0]), "general::g1_2"
    tags, posts = set(splits.train.vocabulary.names), set(splits.test.ids.tolist())
    for query, among, known in ((tag, "tags", tags), (post, "posts", posts), (tag, "posts", posts), (post, "tags", tags)):
        results = similar(folder, query, among, top=4, dimensions=dimensions)
        assert len(results) == 4
        cosines = [cosine for _, cosine in results]
        assert cosines == sorted(cosines, reverse=True)
        assert all(key in known for key, _ in results)
        assert all(key != query for key, _ in results)


def test_similar_tags_are_those_of_the_same_subject(folder):
    assert all(name.startswith("general::g3_") for name, _ in similar(folder, "character::c3", "tags", top=3))


def test_tags_that_no_training_set_has_are_left_out(folder):
    path = folder / "model" / "tags.tsv"
    lines = path.read_text().splitlines()
    unseen = next(line.split("\t") for line in lines if "general::g3_1" in line)
    path.write_text("\n".join("\t".join([*unseen[:3], "0"]) if "general::g3_1\t" in line else line for line in lines) + "\n")
    names = [name for name, _ in similar(folder, "character::c3", "tags", top=99)]
    assert "general::g3_1" not in names and names[0].startswith("general::g3_")
    assert len(names) == len(lines) - 3


def test_errors_name_the_remedy(folder):
    with pytest.raises(UserError, match="no tag 'c3' in the vocabulary: did you mean character::c3"):
        similar(folder, "c3", "tags", top=1)
    with pytest.raises(UserError, match="no post 999999"):
        similar(folder, 999999, "posts", top=1)
    with pytest.raises(UserError, match="missing"):
        similar(folder / "nothing", 1, "posts", top=1)
    with pytest.raises(UserError, match="missing"):
        similar(folder / "nothing", "c3", "tags", top=1)
