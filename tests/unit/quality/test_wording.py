from functools import partial

import pytest
from caption_frames import flags_of

from booruflow.quality.wording import echo_phrases, other_languages, prompt_echo, repeated_sentences

LONG = "The girl in the middle of the street holds a red umbrella over her head while rain falls on the grey roofs of the town"


@pytest.mark.parametrize(
    "caption",
    [
        "She smiles at the viewer. She smiles at the viewer. The end.",
        "She smiles at the viewer. A cat. She smiles at the viewer. A dog. She smiles at the viewer.",
        f"{LONG}. A cat is there.\n{LONG}.",
        "She holds a scarf with the text " + "ALL NIGHT " * 80,
    ],
)
def test_repetition(caption):
    assert flags_of(repeated_sentences, caption).keys() == {"repeated"}


@pytest.mark.parametrize(
    ("caption", "tags"),
    [
        ("She smiles at the viewer. She wears a red dress.", "1girl solo"),
        ("She smiles at the viewer. A cat is there. She smiles at the viewer.", "1girl solo"),
        ("She smiles at the viewer. She smiles at the viewer.", "2girls"),
        ("HA HA HA HA", "1girl solo"),
        ("Ha. Ha. Ha. Ha. Ha.", "1girl solo"),
        ("", ""),
        ("one sentence of many words, " * 8, "1girl solo"),
    ],
)
def test_no_repetition(caption, tags):
    assert flags_of(repeated_sentences, caption, tags) == {}


def test_echo_of_the_prompt():
    phrases = echo_phrases(
        [" Here are grounding tags for better understanding: <tags>{tags}</tags>.", "Describe the picture in json."]
    )
    echo = partial(prompt_echo, phrases=phrases)
    assert flags_of(echo, "A girl. here are grounding tags for better understanding: 1girl")["prompt_echo"]
    assert flags_of(echo, "A girl. <tags>1girl</tags>") == {"prompt_echo": "<tags>"}
    assert flags_of(echo, "Here are grounding tags: none. The picture in a frame.") == {}
    assert flags_of(partial(prompt_echo, phrases=[]), "A girl.") == {}


@pytest.mark.parametrize(
    "caption",
    [
        "この画像は、青い髪の少女が微笑んでいる様子を描いています。",
        "A girl 这张图片展示了一个蓝色头发的女孩在微笑",
        "На изображении девушка с синими волосами улыбается зрителю.",
        "Ein Mädchen mit blauen Haaren und einem roten Kleid, das auf der Straße steht. Sie trägt eine Mütze.",
        "La imagen muestra una chica con el pelo azul que lleva un vestido rojo por las calles de los Andes.",
        "Une fille avec les cheveux bleus est dans la rue avec des fleurs et elle porte une robe rouge.",
    ],
)
def test_another_language(caption):
    assert flags_of(other_languages, caption).keys() == {"language"}


@pytest.mark.parametrize(
    "caption",
    [
        'A girl. The text reads "こんにちは、世界のみなさん、おはようございます".',
        "A sign says 「営業中です、どうぞお入りください」 beside the girl.",
        "The girl (初音ミク) holds a 扇子 in her hand.",
        "The café «El Gato» and the song La Vie en Rose of Edith Piaf. The girl is in a room with a cat.",
        "She dies in the war, and the man is met by a van on the road.",
        "1girl, solo, long_hair",
        "",
        "❤️ ☀️ 🎀 ✨ 💖 🌸 a heart of many",
    ],
)
def test_english_with_foreign_words(caption):
    assert flags_of(other_languages, caption) == {}
