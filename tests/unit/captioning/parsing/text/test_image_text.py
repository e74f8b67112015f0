import pytest

from booruflow.captioning.parsing.text.image_text import describes_image_text, looks_like_image_text


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
def test_prose_about_text_in_the_image(text):
    assert describes_image_text(text)


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
def test_text_in_the_image(text):
    assert not describes_image_text(text)


def test_text_that_is_unlikely_to_be_prose():
    assert looks_like_image_text("NO WAY OUT") and looks_like_image_text("あっ") and looks_like_image_text("키가 크네요")
    assert not looks_like_image_text("A girl") and not looks_like_image_text("HUGE") and not looks_like_image_text("彼女は " * 40)
