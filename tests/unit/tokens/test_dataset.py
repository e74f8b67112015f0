import pickle
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader

from booruflow.tokens.dataset import Batch, LengthBatches, TokenDataset
from booruflow.tokens.decoding import decode_record
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.token_file import TokenFile

torch.set_num_threads(1)

NAMES = ["1girl", "solo", "long_hair", "hat", "flower", "cosplay", "^_^", "shared", "flower_hat", "long_hat", "hat_flower_hat"]


@pytest.fixture(scope="module")
def posts():
    generator = np.random.default_rng(0)
    return [
        {
            "id": 7 * n,
            "general": " ".join(generator.permutation(NAMES)[: generator.integers(0, len(NAMES) + 1)]),
            "character": "saber hatsune_miku",
            "artist": "someone ärtist shared",
            "score": int(n),
        }
        for n in range(1000)
    ]


@pytest.fixture(scope="module")
def tokens(table, posts, vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    pq.write_table(table(posts), folder / "posts.parquet")
    write_tokens(folder / "posts.parquet", vocabulary, folder / "tokens.bin", 64, 1)
    return TokenFile(folder / "tokens.bin", vocabulary)


def rows(batch):
    return [ids[mask.bool()].tolist() for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]


def test_records_as_they_are_in_the_file(tokens):
    dataset = TokenDataset(tokens, shuffle_tags=False)
    chosen = np.array([999, 0, 5, 998, 3])
    batch = dataset[Batch(chosen, 0)]
    assert rows(batch) == [tokens[n].tolist() for n in chosen]
    assert batch["post_ids"].tolist() == (7 * chosen).tolist()
    assert batch["input_ids"].dtype == torch.int64
    assert (batch["input_ids"][batch["attention_mask"] == 0] == 0).all()
    flat, lengths = dataset.ragged(Batch(chosen, 0))
    assert flat.tolist() == [token for n in chosen for token in tokens[n].tolist()]
    assert lengths.tolist() == dataset.lengths(chosen).tolist() == [len(tokens[n]) for n in chosen]
    assert dataset[-1]["input_ids"].tolist() == tokens[999].tolist()
    with pytest.raises(IndexError):
        dataset[1000]


def test_only_the_tags_are_shuffled(tokens, vocabulary):
    batch = TokenDataset(tokens)[Batch(np.arange(1000), 3)]
    changed = 0
    for row, record in zip(rows(batch), tokens, strict=True):
        before, after = decode_record(record, vocabulary), decode_record(row, vocabulary)
        assert row[:3] == record[:3].tolist() and row[-1] == record[-1]
        assert {name: sorted(tags) for name, tags in after.names.items()} == {
            name: sorted(tags) for name, tags in before.names.items()
        }
        assert sorted(after.spelled) == sorted(before.spelled)
        assert Counter(row) == Counter(record.tolist())
        changed += row != record.tolist()
    assert changed > 950


def test_the_order_depends_on_seed_epoch_and_post_only(tokens):
    dataset, chosen = TokenDataset(tokens), np.arange(50)
    first = rows(dataset[Batch(chosen, 0)])
    assert first == rows(dataset[Batch(chosen[::-1].copy(), 0)])[::-1]
    assert first[7] == dataset[7]["input_ids"].tolist()
    assert first != rows(dataset[Batch(chosen, 1)])
    assert first != rows(TokenDataset(tokens, seed=1)[Batch(chosen, 0)])


def test_all_orders_are_equally_likely(tokens, vocabulary):
    dataset = TokenDataset(tokens)
    orders = Counter(
        tuple(decode_record(row, vocabulary).names["artist"])
        for epoch in range(6)
        for row in rows(dataset[Batch(np.arange(1000), epoch)])
    )
    assert len(orders) == 6
    assert all(850 < count < 1150 for count in orders.values())  # 1000 expected, standard deviation 29


def test_splits_are_disjoint_complete_and_by_post_id(tokens):
    splits = {split: TokenDataset(tokens, split, held_out=0.1) for split in ("train", "validation", "test", "all")}
    parts = [set(splits[split].records.tolist()) for split in ("train", "validation", "test")]
    assert sorted(parts[0] | parts[1] | parts[2]) == splits["all"].records.tolist() == list(range(1000))
    assert sum(map(len, parts)) == 1000
    assert 60 < len(parts[1]) < 140 and 60 < len(parts[2]) < 140
    assert set(TokenDataset(tokens, "test", 0.1, seed=1).records.tolist()) != parts[2]


def test_batches_of_similar_length_have_every_record_once(tokens):
    sampler = LengthBatches(TokenDataset(tokens), 16, window=32)
    seen = [record for batch in sampler for record in batch.records.tolist()]
    assert sorted(seen) == list(range(1000))
    assert len(sampler) == len(list(sampler)) == 63
    assert sampler.padding_share() < 0.05
    sampler.set_epoch(1)
    again = [record for batch in sampler for record in batch.records.tolist()]
    assert seen != again and sorted(again) == sorted(seen)
    assert next(iter(sampler)).epoch == 1


def test_workers_give_the_same_batches_in_all_epochs(tokens):
    dataset = TokenDataset(tokens, "train")
    sampler = LengthBatches(dataset, 100)
    loader = DataLoader(
        dataset, sampler=sampler, batch_size=None, num_workers=2, persistent_workers=True, multiprocessing_context="fork"
    )
    for epoch in range(2):
        sampler.set_epoch(epoch)
        expected = [dataset[batch]["input_ids"].tolist() for batch in sampler]
        assert [batch["input_ids"].tolist() for batch in loader] == expected


def test_a_pickled_dataset_is_the_same_and_small(tokens):
    dataset = TokenDataset(tokens, "train")
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 8000  # the records of the split are 4 bytes each
    batch = Batch(np.arange(100), 2)
    assert pickle.loads(pickled)[batch]["input_ids"].tolist() == dataset[batch]["input_ids"].tolist()


def test_an_empty_split(tokens):
    dataset = TokenDataset(tokens, "validation", held_out=0.0)
    assert len(dataset) == 0
    assert list(LengthBatches(dataset, 8)) == [] and LengthBatches(dataset, 8).padding_share() == 0
