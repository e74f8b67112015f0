from booruflow.tokens.decoding import decode_record


def ids(vocabulary, text):
    return [vocabulary.texts.index(token) for token in text.split()]


def test_padding_and_masks_are_ignored(vocabulary):
    record = ids(
        vocabulary, "<s> rating:g score:10.. <character> <mask> <copyright> <artist> <general> <mask> , <meta> </s> <pad> <pad>"
    )
    tags = decode_record(record, vocabulary)
    assert (tags.rating, tags.score) == ("g", "10..")
    assert not any(tags.names.values()) and tags.spelled == []


def test_spelled_labels_are_kept_apart_from_whole_ones(vocabulary):
    record = ids(
        vocabulary,
        "<s> <unk> <unk> <character> <copyright> <artist> <general> hat , hat flower , <unk> hat , <unk> , <meta> </s>",
    )
    tags = decode_record(record, vocabulary)
    assert tags.names["general"] == ["hat"]
    assert tags.spelled == [["hat", "flower"], ["<unk>", "hat"]]
    assert (tags.rating, tags.score) == (None, None)
