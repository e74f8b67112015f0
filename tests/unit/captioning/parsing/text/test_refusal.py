import pytest

from booruflow.captioning.parsing.text.refusal import refuses


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't describe this image.",
        "I’m sorry, I cannot help with that.",
        "Sorry, I can't do that.",
        "I cannot provide a description of this image.",
        "As an AI language model, I do not see.",
        "I apologize, but no.",
        "I am unable to help.",
        "Unfortunately, I cannot.",
    ],
)
def test_refusals(text):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "A girl says \"I'm sorry, I can't\".",
        "\"I'm sorry, I can't go\" reads the bubble.",
        "Sorry is written on the wall.",
        "I love you is written on it.",
        "As an AI-themed poster, it is blue.",
    ],
)
def test_captions_are_not_refusals(text):
    assert not refuses(text)
