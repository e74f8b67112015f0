import json

import numpy as np
import pytest
import torch
from small_tag_sets import small_architecture

from booruflow.core.errors import UserError
from booruflow.tag_model.embedding import embed, write_vectors
from booruflow.tag_model.export import MODEL_TYPE, load_model, save_model
from booruflow.tag_model.model import TagSetModel
from booruflow.tag_model.sets import tag_vocabulary
from booruflow.tag_model.training import new_model
from booruflow.tokens.tokenizer import TagTokenizer
from booruflow.tokens.vocabulary import SECTION_ORDER, build_vocabulary


@pytest.fixture
def model(splits):
    return new_model(small_architecture(splits.train.vocabulary), splits.train, 0, "padded").eval()


@pytest.fixture
def folder(model, splits, tmp_path):
    save_model(tmp_path / "model", model, splits.train.vocabulary, len(splits.train), {"MRR": 0.5})
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


def test_the_code_of_the_card_runs(tmp_path):
    tokens = build_vocabulary({category: {} for category in SECTION_ORDER} | {"general": {"1girl": 9, "solo": 8}})
    TagTokenizer(tokens, 64).save_pretrained(tmp_path)
    vocabulary = tag_vocabulary(tokens)
    model = TagSetModel(small_architecture(vocabulary), torch.from_numpy(vocabulary.category), "padded")
    save_model(tmp_path, model, vocabulary, 9, {"MRR": 0.5})
    card = (tmp_path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("this/folder", str(tmp_path))
    names = {}
    exec(code, names)
    assert names["ids"] == [tokens.ids["general"][name] for name in ("1girl", "solo")]
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
    for text in ("", "{", "[" * 100_000):
        (folder / "model" / "config.json").write_text(text)
        with pytest.raises(UserError, match=r"config.json: damaged: train again"):
            load_model(folder / "model")
    for content in ({}, {"category_names": 7}, {"category_names": [], "layers": 1, "colour": 2}):
        (folder / "model" / "config.json").write_text(json.dumps({"model_type": MODEL_TYPE, **content}))
        with pytest.raises(UserError, match=r"config.json: damaged \(.*\): train again"):
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


def test_vectors_are_half_precision_and_can_be_mapped(model, splits, tmp_path):
    vectors, ids = embed(model, splits.test), np.asarray(splits.test.ids)
    parts = [(ids[:9], vectors[:9]), (ids[9:], vectors[9:])]
    write_vectors(tmp_path / "embeddings.npy", tmp_path / "ids.npy", len(ids), 32, parts)
    mapped = np.load(tmp_path / "embeddings.npy", mmap_mode="r")
    assert mapped.dtype == np.float16 and mapped.shape == (len(splits.test), 32)
    np.testing.assert_allclose(mapped, vectors, atol=2e-3)
    assert np.load(tmp_path / "ids.npy").tolist() == splits.test.ids.tolist()
