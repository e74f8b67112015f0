import polars as pl
import pytest
from caption_frames import caption_frame, flags_of

from booruflow.quality.colours import COLOURS, contradicted_colours, read_phrase


def colours(phrase):
    mask = read_phrase(phrase)["mask"]
    return {name for i, name in enumerate(COLOURS) if mask >> i & 1}


@pytest.mark.parametrize(
    ("phrase", "noun", "expected"),
    [
        ("long, blonde hair", "hair", {"yellow"}),
        ("dark blue hair", "hair", {"blue", "black"}),
        ("dark_blue_hair", "hair", {"blue"}),
        ("auburn hair", "hair", {"brown", "red"}),
        ("blue and pink hair", "hair", {"blue", "pink"}),
        ("hair is bright red", "hair", {"red"}),
        ("red-eyed", "eyes", {"red"}),
        ("blonde-haired", "hair", {"yellow"}),
        ("red hair ribbon", None, {"red"}),
        ("white t-shirt", "shirt", {"white"}),
        ("jet-black hair", "hair", {"black"}),
        ("blue pleated skirt", "skirt", {"blue"}),
        ("striped shirt", "shirt", set(COLOURS)),
        ("black_footwear", "footwear", {"black"}),
        ("white boots", "footwear", {"white"}),
    ],
)
def test_a_phrase_has_a_noun_and_colours(phrase, noun, expected):
    assert read_phrase(phrase)["noun"] == noun and colours(phrase) == expected


@pytest.mark.parametrize(
    ("caption", "tags", "flags"),
    [
        ("A young woman with long red hair smiles.", "1girl solo blue_hair", {"colour_hair"}),
        (
            "A girl with short, messy black hair and green eyes.",
            "1girl solo blonde_hair blue_eyes",
            {"colour_hair", "colour_eyes"},
        ),
        ("Her hair is silver and her eyes are a bit sad.", "1girl solo red_hair", {"colour_hair"}),
        ("A blonde-haired girl sits.", "1girl solo black_hair", {"colour_hair"}),
        ("She wears a red dress.", "1girl solo blue_dress", {"colour_clothes"}),
        ("He wears white boots.", "1boy solo black_footwear", {"colour_clothes"}),
        ("Two girls, one with red hair, one with green hair.", "2girls blonde_hair blue_hair", {"colour_hair"}),
    ],
)
def test_another_colour_is_a_contradiction(caption, tags, flags):
    assert flags_of(contradicted_colours, caption, tags).keys() == flags


@pytest.mark.parametrize(
    ("caption", "tags"),
    [
        # the same colour by another word, or one that is near
        ("A girl with golden hair.", "1girl solo blonde_hair"),
        ("A girl with silver hair.", "1girl solo white_hair"),
        ("A girl with teal eyes.", "1girl solo green_eyes"),
        ("A girl with light brown hair.", "1girl solo blonde_hair"),
        ("A girl with dark blue hair.", "1girl solo black_hair"),
        ("A girl with auburn hair.", "1girl solo red_hair"),
        # nothing to compare with
        ("A girl with red hair.", "1girl solo long_hair"),
        ("A girl with red hair.", ""),
        ("A girl with red hair.", "1girl solo blonde_hair pink_hair"),
        ("A girl with red hair.", "1girl solo black_hair multicolored_hair"),
        ("A girl with red hair.", "1girl solo black_hair monochrome"),
        ("A girl with red eyes.", "1girl solo blue_eyes heterochromia"),
        # one of several may have it
        ("A girl with red hair and a girl with black hair.", "2girls black_hair"),
        ("A girl with red hair beside a boy.", "1girl 1boy blonde_hair"),
        ("Several girls. One has red hair.", "1girl solo blonde_hair"),
        ("A girl with red hair.", "multiple_girls blonde_hair"),
        ("A girl in a red dress and a girl in a white dress.", "2girls white_dress"),
        # of something else
        ("A girl holds a cat with red eyes.", "1girl solo blue_eyes"),
        ("The red eyes of the cat glow.", "1girl solo blue_eyes"),
        ("A girl with a red hair ribbon.", "1girl solo blonde_hair"),
        ("A girl with red eye shadow.", "1girl solo blue_eyes"),
        ("A red ribbon in her blonde hair.", "1girl solo blonde_hair"),
        ("On the poster another girl with red hair is seen.", "1girl solo blonde_hair"),
        ("A doll with green hair lies on the floor.", "1girl solo pink_hair"),
        ("Red roses and hair that moves in the wind.", "1girl solo blonde_hair"),
        ("A black dress shirt.", "1boy solo white_dress"),
        # denied or compared
        ("She has no red hair.", "1girl solo blonde_hair"),
        ("Unlike the usual red hair of the character.", "1girl solo blonde_hair"),
        # it also has the colour of the tags
        ("A girl with blonde hair. In the mirror her red hair is seen.", "1girl solo blonde_hair"),
        ("A striped shirt.", "1girl solo white_shirt"),
        ("A white shirt.", "1girl solo striped_shirt white_shirt"),
        ("A black and white dress.", "1girl solo white_dress"),
    ],
)
def test_what_may_be_true_is_no_contradiction(caption, tags):
    assert flags_of(contradicted_colours, caption, tags) == {}


def test_the_detail_names_both():
    flags = flags_of(
        contradicted_colours,
        "Long red hair. She wears a red skirt and a blue coat.",
        "1girl solo blue_hair green_skirt white_coat",
    )
    assert flags == {
        "colour_hair": "red hair (tags: blue_hair)",
        "colour_clothes": "blue coat (tags: white_coat); red skirt (tags: green_skirt)",
    }


def test_a_frame_without_rows_has_the_columns_of_flags():
    assert contradicted_colours(caption_frame()).schema == {"id": pl.Int64, "flag": pl.String, "detail": pl.String}
