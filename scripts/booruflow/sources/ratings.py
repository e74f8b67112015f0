"""Ratings as the letters g, s, q and e, from letters or words."""

from collections import Counter

import polars as pl

from booruflow.core.errors import counted_noun

LETTERS = ("g", "s", "q", "e")
"""general, sensitive, questionable, explicit: the ratings of Danbooru since 2022, and of Gelbooru."""

LETTER_OF = {"general": "g", "sensitive": "s", "safe": "s", "questionable": "q", "explicit": "e"}
"""The letter of each word.

Until January 2022 Danbooru had three ratings, and its `s` was safe; then it became sensitive, and the new `g` took over the
harmless part of it. e621, Konachan and yande.re still have safe, as `s`. So `safe` is the word of that letter. It is not read as
`g`, which would certify what nobody rated so: a safe post may be sensitive in today's terms."""


class RatingReader:
    """Reads the ratings of a table part by part, and reports in the end what a user should know about them."""

    def __init__(self) -> None:
        self._seen: set[str | None] = set()
        self._counts: Counter[str] = Counter()
        """Posts by rating, for ratings that are no letter."""

    def letters(self, ratings: pl.Series) -> pl.Series:
        """Letters of ratings in any case; empty text is null, and a value that is no rating stays as it is."""
        values = set(ratings.unique().to_list())
        if not values <= {*LETTERS, None}:
            ratings = ratings.str.strip_chars().str.to_lowercase()
            ratings = ratings.set(ratings == "", None)
            self._counts.update(
                {value: count for value, count in ratings.value_counts().iter_rows() if value not in {*LETTERS, None}}
            )
            ratings = ratings.replace(LETTER_OF)
            values = set(ratings.unique().to_list())
        self._seen |= values
        return ratings

    def notes(self) -> list[str]:
        """One line for each thing that may be a mistake: `safe`, three ratings instead of four, and values that are no rating."""
        notes = []
        if safe := self._counts["safe"]:
            notes.append(
                f"{counted_noun(safe, 'post')} rated safe, which is read as s: with today's ratings, general or sensitive"
            )
        elif "s" in self._seen and "g" not in self._seen:
            notes.append("no post is rated g: s may mean safe here, as on boorus with three ratings")
        others = sorted(self._counts.keys() - LETTER_OF.keys())
        if others:
            posts = counted_noun(sum(self._counts[rating] for rating in others), "post")
            notes.append(f"{posts} with a rating other than g, s, q and e, such as {others[0]!r}: no filter selects them")
        return notes
