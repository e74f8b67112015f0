"""Rule traits: the usual tags of each character, those that go with it far more often than without it.

Counted in posts with exactly one character tag, so that the tags are those of that character. Of a tag that a share p of a
character's posts and a share q of all other posts have, p is the confidence and p / q the lift of the association rule
character -> tag (Agrawal et al. 1993, Brin et al. 1997). In the real pair counts of Danbooru of 2024, thresholds of 0.3 and 4
keep what a character is known by (of rem_(re:zero) blue_hair with 0.87 and 8, maid with 0.51 and 28; of hakurei_reimu hair_tubes
with 0.43 and 81; of kirisame_marisa witch_hat with 0.35 and 37) and drop what many have (of tatsumaki thighs with 0.28 and 4.0),
such as 1girl and solo, whose lift is near 1.
"""

from pathlib import Path

import polars as pl

from booruflow.core.progress import progress
from booruflow.core.streams import Stream
from booruflow.core.tables import read_stream, rows_of, write_stream

MIN_POSTS = 20
"""Posts with the character alone; the share of fewer is uncertain by more than 0.2."""
MIN_SHARE = 0.3
MIN_LIFT = 4.0
MAX_TAGS = 12
"""Of a character, the ones that tell most: the highest share times the logarithm of the lift."""
PAIRS_AT_ONCE = 1 << 21
"""Pairs of character and tag that are collected before they are counted."""
MAX_PAIRS = 4_000_000
"""Different pairs that are in memory at a time, about 100 bytes each while they are counted."""
COLUMNS = ("id", "character", "general")
TRAITS_SCHEMA = {"character": pl.String, "posts": pl.Int64, "tags": pl.String}
"""Of traits/characters.parquet, ascending by character. `posts` have this character tag alone; `tags` are joined by a space, in
alphabetical order, so that a few more posts change no request."""


def write_traits(path: str | Path, posts: str | Path) -> int:
    """Write traits/characters.parquet from posts.parquet; return the number of characters.

    Reads the posts once for the counts of tags, and once for each range of characters that has at most MAX_PAIRS pairs with tags.

    Raises:
        UserError: the posts cannot be read, or the file cannot be written.
    """
    total = rows_of(posts)
    alone, all_tags = _Sum("character", "posts"), _Sum("tag", "all")
    with progress(total, "tags of all posts", "posts") as bar:
        for frame in read_stream(posts, COLUMNS):
            alone.add(_alone(frame).group_by("character").agg(posts=pl.len()))
            all_tags.add(_tags(frame).group_by("tag").agg(all=pl.len()))
            bar.update(len(frame))
    characters = alone.result().filter(pl.col("posts") >= MIN_POSTS).sort("character").with_row_index("number")
    tags = all_tags.result().filter(pl.col("all") >= MIN_POSTS * MIN_SHARE).sort("tag").with_row_index("place")
    return write_stream(path, _ranges_of_traits(posts, total, characters, tags), TRAITS_SCHEMA)


def _ranges_of_traits(posts: str | Path, total: int, characters: pl.DataFrame, tags: pl.DataFrame) -> Stream:
    """The rows of TRAITS_SCHEMA, a range of characters at a time; one with too many pairs is halved while they are counted."""
    first = 0
    chosen = characters
    while len(chosen):
        pairs = _Sum("pair", "both")
        with progress(total, f"tags of {len(characters) - first} characters", "posts") as bar:
            for frame in read_stream(posts, COLUMNS):
                found = _tags(_alone(frame).join(chosen, on="character")).join(tags, on="tag")
                pairs.add(found.group_by(pair=pl.col("number").cast(pl.Int64) * len(tags) + pl.col("place")).agg(both=pl.len()))
                while pairs.summed > MAX_PAIRS and len(chosen) > 1:
                    chosen = chosen.head(len(chosen) // 2)
                    pairs.keep(pl.col("pair") < (first + len(chosen)) * len(tags))
                bar.update(len(frame))
        yield _traits(chosen, tags, pairs.result(), total)
        first += len(chosen)
        chosen = characters[first : first + len(chosen)]


def read_traits(path: str | Path) -> dict[str, list[str]]:
    """The usual tags of each character that has any.

    Raises:
        UserError: the file cannot be read.
    """
    rows = pl.concat(read_stream(path, ["character", "tags"]))
    return {character: tags.split(" ") for character, tags in rows.iter_rows()}


def _alone(frame: pl.DataFrame) -> pl.DataFrame:
    """The posts of a frame that have one character tag."""
    return frame.filter((pl.col("character") != "") & ~pl.col("character").str.contains(" ", literal=True))


def _tags(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with one row for each `tag` of each post; the other columns are repeated."""
    tags = frame.with_columns(tag=pl.col("general").str.split(" ").list.unique()).drop("general").explode("tag")
    return tags.filter(pl.col("tag") != "")


class _Sum:
    """The sums of the column `count` by `key` over frames; the result and PAIRS_AT_ONCE more rows are in memory."""

    def __init__(self, key: str, count: str) -> None:
        self.key, self.count = key, count
        self.frames: list[pl.DataFrame] = []
        self.rows = self.summed = 0

    def add(self, frame: pl.DataFrame) -> None:
        self.frames.append(frame)
        self.rows += len(frame)
        if self.rows - self.summed > PAIRS_AT_ONCE:
            self._replace(self.result())

    def keep(self, condition: pl.Expr) -> None:
        """Drop all other rows."""
        self._replace(self.result().filter(condition))

    def result(self) -> pl.DataFrame:
        return pl.concat(self.frames).group_by(self.key).agg(pl.col(self.count).sum())

    def _replace(self, summed: pl.DataFrame) -> None:
        self.frames = [summed]
        self.rows = self.summed = len(summed)


def _traits(characters: pl.DataFrame, tags: pl.DataFrame, pairs: pl.DataFrame, total: int) -> pl.DataFrame:
    """The rows of TRAITS_SCHEMA, from the counts; a pair is the character's number times the count of tags plus the place."""
    codes = pl.col("pair") // max(len(tags), 1), pl.col("pair") % max(len(tags), 1)
    rows = pairs.select("both", number=codes[0].cast(pl.UInt32), place=codes[1].cast(pl.UInt32))
    rows = rows.join(characters, on="number").with_columns(share=pl.col("both") / pl.col("posts"))
    rows = rows.filter(pl.col("share") >= MIN_SHARE).join(tags, on="place")
    elsewhere = (pl.col("all").cast(pl.Int64) - pl.col("both") + 1) / (total - pl.col("posts").cast(pl.Int64) + 1)
    rows = rows.with_columns(lift=pl.col("share") / elsewhere).filter(pl.col("lift") >= MIN_LIFT)
    rows = rows.with_columns(weight=pl.col("share") * pl.col("lift").log()).sort(["weight", "tag"], descending=[True, False])
    chosen = rows.group_by("character", maintain_order=True).agg(
        pl.col("posts").first().cast(pl.Int64), tags=pl.col("tag").head(MAX_TAGS).sort().str.join(" ")
    )
    return chosen.sort("character")
