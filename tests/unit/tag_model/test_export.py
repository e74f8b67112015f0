import json

import numpy as np
import pytest
import torch

import similar
from booruflow.core.errors import UserError
from booruflow.tag_model.export import load_model, save_model
from booruflow.tag_model.inference import embed
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.training import new_model
from booruflow.tag_model.vectors import write_vectors


@pytest.fixture
def model(splits):
    vocabulary = splits.train.vocabulary
    form = ModelConfig(len(vocabulary), len(vocabulary.categories), width=32, layers=1, heads=2, nested=(8, 32))
    return new_model(form, splits.train, seed=0).eval()


@pytest.fixture
def folder(model, splits, tmp_path):
    vocabulary = splits.train.vocabulary
    save_model(tmp_path / "model", model, vocabulary, len(splits.train), {"MRR": 0.5})
    sets = splits.test
    ids, tags = np.asarray(sets.ids), np.arange(len(vocabulary))
    write_vectors(tmp_path / "embeddings.npy", tmp_path / "ids.npy", len(sets), 32, [(ids, embed(model, sets))])
    vectors = model.tag_vectors().detach().numpy()
    write_vectors(
        tmp_path / "tags.npy", tmp_path / "tag_ids.npy", len(tags), 32, [(tags[:9], vectors[:9]), (tags[9:], vectors[9:])]
    )
    return tmp_path


def test_a_loaded_model_is_the_saved_one(folder, model, splits):
    loaded, vocabulary = load_model(folder / "model")
    assert vocabulary.names == splits.train.vocabulary.names
    assert vocabulary.counts.tolist() == splits.train.vocabulary.counts.tolist()
    assert vocabulary.category.tolist() == splits.train.vocabulary.category.tolist()
    np.testing.assert_array_equal(embed(loaded, splits.test), embed(model, splits.test))


def test_saving_twice_gives_the_same_bytes(folder, model, splits):
    save_model(folder / "again", model, splits.train.vocabulary, len(splits.train), {"MRR": 0.5})
    for path in (folder / "model").iterdir():
        assert path.read_bytes() == (folder / "again" / path.name).read_bytes()


def test_the_code_of_the_card_runs(folder):
    card = (folder / "model" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("this/folder", str(folder / "model"))
    names = {}
    exec(code, names)
    assert names["vectors"].shape == (1, 32)
    assert torch.isfinite(names["scores"]).all()


def test_damaged_folders_are_refused(folder):
    tags = folder / "model" / "tags.tsv"
    tags.write_text("".join(tags.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match=r"tags.tsv: \d+ tags, but the model has"):
        load_model(folder / "model")
    (folder / "model" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UserError, match="not of a tag-set model"):
        load_model(folder / "model")
    with pytest.raises(UserError, match="missing"):
        load_model(folder / "nothing")


def test_damaged_weights_are_refused(folder):
    weights = folder / "model" / "model.safetensors"
    whole = weights.read_bytes()
    config = folder / "model" / "config.json"
    text = config.read_text()
    config.write_text(text.replace('"layers": 1', '"layers": 2'))
    with pytest.raises(UserError, match=r"model.safetensors: missing, damaged or not of this config.json"):
        load_model(folder / "model")
    config.write_text(text)
    weights.write_bytes(whole[:-5])
    with pytest.raises(UserError, match=r"model.safetensors: missing, damaged"):
        load_model(folder / "model")
    weights.unlink()
    with pytest.raises(UserError, match=r"model.safetensors: missing, damaged"):
        load_model(folder / "model")


def test_vectors_are_half_precision_and_can_be_mapped(folder, model, splits):
    vectors = np.load(folder / "embeddings.npy", mmap_mode="r")
    assert vectors.dtype == np.float16 and vectors.shape == (len(splits.test), 32)
    np.testing.assert_allclose(vectors, embed(model, splits.test), atol=2e-3)
    assert np.load(folder / "ids.npy").tolist() == splits.test.ids.tolist()


@pytest.mark.parametrize("dimensions", [[], ["--dimensions", "8"]])
def test_similar(folder, splits, capsys, dimensions):
    post = str(splits.test.ids[0])
    for wanted, is_among in (
        (["--tag", "general::g1_2"], splits.train.vocabulary.names),
        (["--post", post], [str(name) for name in splits.test.ids if str(name) != post]),
        (["--tag", "general::g1_2", "--posts"], [str(name) for name in splits.test.ids]),
        (["--post", post, "--tags"], splits.train.vocabulary.names),
    ):
        similar.main([*wanted, *dimensions, "--folder", str(folder), "--top", "4"])
        lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
        assert len(lines) == 4
        assert [float(cosine) for cosine, _ in lines] == sorted((float(cosine) for cosine, _ in lines), reverse=True)
        assert all(name in is_among for _, name in lines)
        assert not any(name == wanted[1] for _, name in lines)


def test_similar_finds_the_tags_of_the_same_subject(folder, capsys):
    similar.main(["--tag", "character::c3", "--folder", str(folder), "--top", "3"])
    names = [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert all(name.startswith("general::g3_") for name in names)


def test_similar_leaves_out_what_no_set_has(folder, capsys):
    path = folder / "model" / "tags.tsv"
    lines = path.read_text().splitlines()
    unseen = next(line.split("\t") for line in lines if "general::g3_1" in line)
    path.write_text("\n".join("\t".join([*unseen[:3], "0"]) if "general::g3_1\t" in line else line for line in lines) + "\n")
    similar.main(["--tag", "character::c3", "--folder", str(folder), "--top", "99"])
    names = [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert "general::g3_1" not in names and names[0].startswith("general::g3_")
    assert len(names) == len(lines) - 3


def test_similar_helps(folder):
    with pytest.raises(UserError, match="no tag 'c3' in the vocabulary: did you mean character::c3"):
        similar.main(["--tag", "c3", "--folder", str(folder)])
    with pytest.raises(UserError, match="no post 999999"):
        similar.main(["--post", "999999", "--folder", str(folder)])
    with pytest.raises(UserError, match="missing"):
        similar.main(["--post", "1", "--folder", str(folder / "nothing")])
