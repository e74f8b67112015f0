import polars as pl
import pytest

from booruflow.sources.ratings import RatingReader


@pytest.mark.parametrize(
    ("ratings", "letters", "notes"),
    [
        (["g", "s", None, "q", "e"], ["g", "s", None, "q", "e"], []),
        (["general", "Sensitive", " questionable ", "EXPLICIT", "G", ""], ["g", "s", "q", "e", "g", None], []),
        (["safe", "Safe", "e"], ["s", "s", "e"], ["2 posts rated safe, which is read as s"]),
        (["s", "q", "s"], ["s", "q", "s"], ["no post is rated g: s may mean safe here"]),
        (["g", "r18", "unknown"], ["g", "r18", "unknown"], ["2 posts with a rating other than g, s, q and e, such as 'r18'"]),
        ([None, None], [None, None], []),
    ],
)
def test_ratings_are_letters_or_words(ratings, letters, notes):
    reader = RatingReader()
    read = [reader.letters(pl.Series("rating", part, dtype=pl.String)) for part in ([], ratings[:1], ratings[1:])]
    assert pl.concat(read).to_list() == letters
    assert pl.concat(read).name == "rating"
    assert len(reader.notes()) == len(notes)
    assert all(note.startswith(start) for note, start in zip(reader.notes(), notes, strict=True))
