import numpy as np
import pytest
import torch

from booruflow.core.errors import UserError
from booruflow.tokens.tokenizer import TagTokenizer

POST = {"general": "solo flower_hat 1girl", "character": ["saber", "hatsune_miku"], "rating": "s", "score": 12, "artist": None}
TEXT = (
    "<s> rating:s score:10.. <character> hatsune_miku saber <copyright> <artist> "
    "<general> 1girl , solo , flower hat , <meta> </s>"
)


@pytest.fixture
def tokenizer(vocabulary):
    return TagTokenizer(vocabulary, 32)


def test_a_post_to_ids_and_back(tokenizer):
    ids = tokenizer.encode(POST)
    assert tokenizer.decode(ids) == TEXT
    assert tokenizer.decode(ids, skip_special_tokens=True) == "hatsune_miku saber 1girl solo flower_hat"
    assert tokenizer.decode_tags(ids).names["character"] == ["hatsune_miku", "saber"]


def test_a_tag_string_is_parsed(tokenizer):
    assert tokenizer.encode("solo hatsune_miku flower_hat saber 1girl rating:s score:12") == tokenizer.encode(POST)
    assert tokenizer.encode("shared general:shared new_hat") == tokenizer.encode(
        {"artist": "shared", "general": "shared new_hat"}
    )
    assert tokenizer.encode("score:-3") == tokenizer.encode({"score": -3})
    assert tokenizer.encode("") == tokenizer.encode({})


def test_the_build_vocabulary_tokens(tokenizer):
    assert tokenizer.get_vocab()["general:shared"] == tokenizer.convert_tokens_to_ids("general:shared")
    assert tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))) == list(tokenizer.get_vocab())
    assert tokenizer.convert_tokens_to_ids(["solo", "no such tag"])[1] == tokenizer.unk_token_id
    assert (tokenizer.pad_token, tokenizer.pad_token_id, tokenizer.mask_token, tokenizer.eos_token) == (
        "<pad>",
        0,
        "<mask>",
        "</s>",
    )
    assert tokenizer.vocab_size == len(tokenizer) == len(tokenizer.get_vocab())
    assert tokenizer.all_special_tokens[:2] == ["<pad>", "<s>"] and tokenizer.all_special_ids[:2] == [0, 1]


@pytest.mark.parametrize(("padding", "length"), [(True, 18), ("longest", 18), ("max_length", 32)])
def test_padding(tokenizer, padding, length):
    encoded = tokenizer([POST, "solo"], padding=padding, return_tensors="pt")
    assert encoded.input_ids.shape == encoded.attention_mask.shape == (2, length)
    assert encoded.input_ids.dtype == torch.int64
    assert (encoded.input_ids[encoded.attention_mask == 0] == tokenizer.pad_token_id).all()
    assert encoded.attention_mask.sum(1).tolist() == [len(tokenizer.encode(POST)), len(tokenizer.encode("solo"))]


def test_types_and_shapes_of_the_result(tokenizer):
    assert tokenizer(POST)["input_ids"] == tokenizer.encode(POST)
    assert tokenizer([POST])["input_ids"] == [tokenizer.encode(POST)]
    assert tokenizer(POST, return_tensors="np")["input_ids"].shape == (1, 18)
    assert isinstance(tokenizer([POST], return_tensors="np")["input_ids"], np.ndarray)
    parts = [tokenizer(POST), tokenizer("solo")]
    assert tokenizer.pad(parts)["input_ids"] == tokenizer([POST, "solo"], padding=True)["input_ids"]
    assert tokenizer([])["input_ids"] == []


def test_truncation(tokenizer, vocabulary):
    post = {"general": "solo hat 1girl long_hair flower ^_^", "meta": "highres"}
    assert len(tokenizer.encode(post, max_length=16)) <= 16
    assert len(TagTokenizer(vocabulary, 16).encode(post, truncation=False)) == 22


def test_saved_and_loaded(tokenizer, tmp_path):
    assert len(tokenizer.save_pretrained(tmp_path / "t")) == 3
    again = TagTokenizer.from_pretrained(tmp_path / "t")
    assert (again.vocabulary, again.model_max_length) == (tokenizer.vocabulary, 32)
    (tmp_path / "t" / "tokenizer_config.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer_config\.json: damaged"):
        TagTokenizer.from_pretrained(tmp_path / "t")
    with pytest.raises(UserError, match="no such file"):
        TagTokenizer.from_pretrained(tmp_path / "u")


def test_an_unknown_category_is_refused(tokenizer):
    with pytest.raises(UserError, match="no category 'generel'"):
        tokenizer.encode({"generel": "solo"})
