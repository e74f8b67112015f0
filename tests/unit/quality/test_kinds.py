import polars as pl
from caption_frames import caption_frame

from booruflow.quality.kinds import COUNTERS, unusual, usual

SENTENCE = "The image is by the artist {artist}."


def frame_of(captions, origin="base"):
    return caption_frame(*[(caption, "") for caption in captions], origin=origin)


def test_much_shorter_and_longer_than_most():
    captions = ["word " * length for length in range(80, 120)] * 5 + ["word", "word " * 4000, "word " * 60]
    frame = frame_of(captions)
    flags = unusual(frame, usual([frame], ""), "").filter(pl.col("flag") != "common_opening")
    assert sorted(flags.select("id", "flag").iter_rows()) == [(201, "short"), (202, "long")]
    assert flags.filter(flag="short")["detail"][0].startswith("4 characters, usual are ")


def test_each_origin_has_its_own_lengths():
    short, long = frame_of(["a girl"] * 150), frame_of(["a long caption " * 90] * 150, "generated")
    kinds = usual([short, long], "")
    assert kinds["base"].longest < kinds["generated"].shortest
    assert unusual(pl.concat([short, long]), kinds, "").filter(pl.col("flag") != "common_opening").is_empty()


def test_nothing_is_usual_of_few():
    assert usual([frame_of(["a girl"] * 99)], "") == {}


def test_openings_of_most_captions():
    frame = frame_of([f"The image is a drawing of {i}" for i in range(120)] + [f"{i} is something other" for i in range(100)])
    kinds = usual([frame.head(50), frame.slice(50)], "")
    assert kinds["base"].openings == {"the image is"}
    assert len(unusual(frame, kinds, "").filter(pl.col("flag") == "common_opening")) == 120


def test_the_artist_sentence_is_no_opening():
    frame = frame_of([f"The image is by the artist a {i}. Girl number {i} stands." for i in range(120)], "generated")
    assert usual([frame], SENTENCE)["generated"].openings == frozenset()
    assert usual([frame], "")["generated"].openings == {"the image is"}


def test_a_common_opening_is_found_among_any_number_of_others():
    others = [f"opening number {i} of" for i in range(4 * COUNTERS)]
    frame = frame_of([text for other in others for text in (other, "this image shows a girl", "This image shows a boy")])
    assert usual(frame.iter_slices(100), "")["base"].openings == {"this image shows"}
