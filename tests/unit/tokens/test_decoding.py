from booruflow.tokens.decoding import decode


def ids(vocabulary, text):
    return [vocabulary.texts.index(token) for token in text.split()]


def test_padding_and_masks_are_passed_over(vocabulary):
    record = ids(
        vocabulary, "<s> rating:g score:10.. <character> <mask> <copyright> <artist> <general> <mask> , <meta> </s> <pad> <pad>"
    )
    tags = decode(record, vocabulary)
    assert (tags.rating, tags.score) == ("g", "10..")
    assert not any(tags.names.values()) and tags.spelled == []


def test_labels_in_pieces_are_told_from_whole_ones(vocabulary):
    record = ids(
        vocabulary,
        "<s> <unk> <unk> <character> <copyright> <artist> <general> hat , hat flower , <unk> hat , <unk> , <meta> </s>",
    )
    tags = decode(record, vocabulary)
    assert tags.names["general"] == ["hat"]
    assert tags.spelled == [["hat", "flower"], ["<unk>", "hat"]]
    assert (tags.rating, tags.score) == (None, None)
