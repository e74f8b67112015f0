"""Characters that a caption names and the tags lack, or that the prompt named and the caption does not."""

import re
from collections.abc import Iterable, Mapping
from functools import partial

import polars as pl

from booruflow.quality.matching import FLAGS, mapped, said_plainly

MAX_WORDS = 4
"""Words of the longest names that are looked for."""

_NAMES = r"(?-u)\b[A-Z][a-z'.]+(?:[ -](?:[A-Z][a-z'.]+|no|of|the|de|von|la))+|\b[a-z0-9]+(?:_[a-z0-9]+)+"
_NOT_PRESENT = re.compile(
    r"\b(?:by|artist|style|cosplay\w*|dressed as|costume|resembl\w+|reminiscent|similar|like|inspired|fan|posters?|plush\w*"
    r"|figur\w+|dolls?|not|no|text|reads?|says|title[ds]?|logo|label\w*|print\w*|written|words?|outfit|merchandise|sticker|keychain"
    r"|named after)\b",
    re.IGNORECASE,
)
_QUALIFIER = re.compile(r"_\([^()]*\)")


def name_of(tag: str) -> str:
    """`hatsune miku` of `hatsune_miku_(append)`."""
    return " ".join(_QUALIFIER.sub("", tag).replace("_", " ").split())


def known_names(posts: Iterable[pl.DataFrame]) -> dict[str, str]:
    """The names of the characters of all posts, in both orders, each with its tags separated by spaces.

    Only names of several words: a single one (saber, cloud) is a word of other sentences too. Names of copyrights are left out.
    """
    characters: set[str] = set()
    copyrights: set[str] = set()
    for frame in posts:
        characters |= set(frame["character"].unique().drop_nulls().str.split(" ").explode())
        copyrights |= set(frame["copyright"].unique().drop_nulls().str.split(" ").explode())
    names: dict[str, set[str]] = {}
    for tag in characters:
        words = name_of(tag).split()
        if 2 <= len(words) <= MAX_WORDS and all(len(word) > 1 for word in words):
            for name in {" ".join(words), " ".join(reversed(words))} if len(words) == 2 else {" ".join(words)}:
                names.setdefault(name, set()).add(tag)
    works = {name_of(tag) for tag in copyrights}
    return {name: " ".join(sorted(tags)) for name, tags in names.items() if name not in works}


def unknown_characters(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Flags `character_unknown`: the caption names a character of `names` who is not among the tags."""
    found = (
        frame.select("id", "caption", "character", phrase=pl.col("caption").str.extract_all(_NAMES))
        .explode("phrase")
        .drop_nulls("phrase")
    )
    found = found.with_columns(tags=mapped(found["phrase"], partial(_tags_in, names), pl.String)).drop_nulls("tags")
    flags = []
    for id_, caption, tagged, phrase, tags in (
        found.unique(maintain_order=True).select("id", "caption", "character", "phrase", "tags").iter_rows()
    ):
        present = {word for tag in tagged.split() for word in name_of(tag).split()}
        if not any(set(name_of(tag).split()) <= present for tag in tags.split()) and said_plainly(caption, phrase, _NOT_PRESENT):
            flags.append((id_, "character_unknown", f"{phrase} (tags: {tagged or 'none'})"))
    return pl.DataFrame(flags, schema=FLAGS, orient="row").unique("id", keep="first", maintain_order=True)


def _tags_in(names: Mapping[str, str], phrase: str) -> str | None:
    """The tags of the longest name in a phrase of capitalised words."""
    words = re.sub(r"'s\b", "", phrase.lower()).replace("_", " ").replace(".", "").split()
    for length in range(min(MAX_WORDS, len(words)), 1, -1):
        for start in range(len(words) - length + 1):
            if (name := " ".join(words[start : start + length])) in names:
                return names[name]
    return None


def missing_characters(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Flags `character_missing`: no word of the name of a tagged character is in a generated caption.

    `most` is the number of characters that a prompt names; posts with more are not judged.
    """
    rows = frame.filter((pl.col("origin") == "generated") & (pl.col("character") != ""))
    rows = rows.select("id", text=pl.col("caption").str.to_lowercase(), tag=pl.col("character").str.split(" "))
    rows = rows.filter(pl.col("tag").list.len() <= most).explode("tag")
    words = rows.with_columns(word=mapped(rows["tag"], _words_of, pl.List(pl.String))).explode("word").drop_nulls("word")
    said = words.with_columns(said=pl.col("text").str.contains(pl.col("word"), literal=True))
    unsaid = said.group_by("id", "tag", maintain_order=True).agg(pl.any("said")).filter(~pl.col("said"))
    unsaid = unsaid.group_by("id", maintain_order=True).agg(detail=pl.col("tag").sort().str.join(", "))
    return unsaid.select("id", flag=pl.lit("character_missing"), detail="detail")


def _words_of(tag: str) -> list[str]:
    return [word for word in name_of(tag).lower().split() if len(word) > 2]
