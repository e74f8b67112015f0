import polars as pl
import pytest
from caption_frames import caption_frame
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from booruflow.core.errors import UserError
from booruflow.quality.tokens import MEASURES, estimated, exact, too_long

CORPUS = ["a girl with long hair, and a boy's hat.", "the café is closed: 12.5 m away", "nobody knows; wow!!"] * 20


def numbers(count, *captions):
    return count(pl.DataFrame({"caption": captions}).with_columns(**MEASURES)).to_list()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Tokenizers of the kinds of CLIP (BPE with an end of word, in lower case) and T5 (unigrams after a mark for a space)."""
    folder = tmp_path_factory.mktemp("tokenizers")
    clip = Tokenizer(models.BPE(unk_token="?", end_of_word_suffix="</w>"))
    clip.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", " "), normalizers.Lowercase()])
    clip.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    clip.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=120, special_tokens=["?"], end_of_word_suffix="</w>", show_progress=False)
    )
    t5 = Tokenizer(models.Unigram())
    t5.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    t5.train_from_iterator(
        CORPUS, trainers.UnigramTrainer(vocab_size=60, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    )
    for name, tokenizer in (("clip", clip), ("t5", t5)):
        tokenizer.enable_truncation(5)  # as files of pipelines have it
        tokenizer.enable_padding(length=5)
        tokenizer.save(str(folder / f"{name}.json"))
    return folder


@pytest.mark.parametrize("encoder", ["clip", "t5"])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6))
def test_words_add_up_to_what_the_tokenizer_says(files, encoder, texts):
    tokenizer = Tokenizer.from_file(str(files / f"{encoder}.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    sizes = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in [*texts, *CORPUS[:3]]]
    assert numbers(exact(files / f"{encoder}.json"), *texts, *CORPUS[:3]) == sizes


def test_what_is_no_tokenizer_of_these_is_refused(tmp_path, files):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer\.json: not a tokenizer\.json \(.+\): download it again"):
        exact(tmp_path / "tokenizer.json")
    whole = Tokenizer(models.Unigram())
    whole.train_from_iterator(
        ["a girl", "a boy"] * 9, trainers.UnigramTrainer(vocab_size=40, unk_token="<unk>", special_tokens=["<unk>"])
    )
    whole.save(str(tmp_path / "whole.json"))
    with pytest.raises(UserError, match="not a tokenizer of CLIP or T5"):
        exact(tmp_path / "whole.json")


def test_the_estimate_for_a_plain_caption():
    caption = "A young woman with long blonde hair and blue eyes stands in a sunlit field. She wears a white dress."
    clip, t5 = (numbers(estimated(encoder), caption)[0] for encoder in ("clip", "t5"))
    assert abs(clip / 22 - 1) < 0.15  # by the tokenizer of CLIP ViT-L/14
    assert abs(t5 / 27 - 1) < 0.15  # by that of T5 v1.1


def test_flags_for_each_limit_that_is_passed():
    frame = caption_frame(("word " * 75, ""), ("word " * 76, ""), ("word " * 300, ""), ("", ""))
    words = lambda measured: measured["words"] - 1  # noqa: E731
    flags = too_long(frame, {"clip": (words, "about ")})
    assert sorted(flags.rows()) == [
        (2, "over_75_tokens", "about 76 tokens"),
        (3, "over_225_tokens", "about 300 tokens"),
        (3, "over_75_tokens", "about 300 tokens"),
    ]
    assert too_long(frame, {"t5": (words, "")}).is_empty()
