import pytest

from booruflow.captioning.parsing.lettering import is_prose, looks_lettered


@pytest.mark.parametrize(
    "text",
    [
        'A speech bubble above her head reads "Welcome Home."',
        "The number '1008' is written in the upper left corner.",
        "'Hello' is written at the top.",
        "There is no text in the image.",
        "Twitter username @foo_bar in the bottom left corner.",
        "A blue and white porcelain vase is shown, typical of Chinese ceramic art.",
        "a signature in the corner",
    ],
)
def test_prose_about_lettering(text):
    assert is_prose(text)


@pytest.mark.parametrize(
    "text",
    [
        "SQUEEZE",
        "THE TEXT IS WRITTEN HERE",
        "It's rare for me to get tail treatment...",
        "For hybrids like us, it could affect work performance.",
        "Do take proper care of your tail. You can call our service as well.",
        '"HELLO" on the sign',
        "15話 ありがとうございました!!",
        "Naegi, you can hold my hand if you want.",
    ],
)
def test_lettering(text):
    assert not is_prose(text)


def test_looks_lettered():
    assert looks_lettered("NO WAY OUT") and looks_lettered("あっ") and looks_lettered("키가 크네요")
    assert not looks_lettered("A girl") and not looks_lettered("HUGE") and not looks_lettered("彼女は " * 40)
