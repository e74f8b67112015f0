"""What changed in numbers: counts, the tags that came and went most often, and the summary as text."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from booruflow.core.errors import counted_noun
from booruflow.sources.changes.compare import CHANGES

SHOWN_TAGS = 20
SHOWN_POSTS = 10


@dataclass
class ChangeCounts:
    """The counts of a table of changes."""

    posts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANGES, 0))
    """By kind of change; a post can be retagged and rerated."""
    ids: dict[str, list[int]] = field(default_factory=lambda: {change: [] for change in CHANGES})
    """The last posts, that is the newest ones, of each kind."""
    ratings: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    """Rerated posts by the rating before and now."""
    came: Counter[str] = field(default_factory=Counter)
    """Retagged posts by the tag, `category:name`, that they have got."""
    went: Counter[str] = field(default_factory=Counter)
    """Retagged posts by the tag that they have lost."""


def count_changes(changes: Iterable[pl.DataFrame]) -> ChangeCounts:
    """Count the rows of a stream of CHANGES_SCHEMA."""
    counts = ChangeCounts()
    for rows in changes:
        for change in CHANGES:
            ids = rows.filter(change)["id"]
            counts.posts[change] += len(ids)
            counts.ids[change] = [*counts.ids[change], *ids.tail(SHOWN_POSTS)][-SHOWN_POSTS:]
        counts.ratings.update(rows.filter("rerated").select("rating_before", "rating").iter_rows())
        for tags, counter in (("tags_came", counts.came), ("tags_went", counts.went)):
            names = rows.filter(pl.col(tags) != "").select(pl.col(tags).str.split(" ")).explode(tags).group_by(tags).len()
            counter.update(dict(names.iter_rows()))
    return counts


def most_frequent(counter: "Counter[str]", count: int = SHOWN_TAGS) -> list[tuple[str, int]]:
    """The entries with the highest counts; of equal ones, the first by name."""
    return sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))[:count]


def summary_text(before: int, now: int, counts: ChangeCounts) -> str:
    """The summary, for people: `before` and `now` are the numbers of posts."""
    return "".join(f"{line}\n" for line in _lines(before, now, counts))


def _lines(before: int, now: int, counts: ChangeCounts) -> Iterator[str]:
    if not before:
        yield f"{counted_noun(now, 'post')}. Changes are listed here after the next run whose posts differ from these."
        return
    yield "The posts, compared with those of the run before them:"
    yield ""
    rows = {"before": before, "gone": -counts.posts["gone"], "new": counts.posts["new"], "now": now}
    rows |= {name: counts.posts[name] for name in ("retagged", "rerated")}
    yield from (f"  {name:10} {count:>12,}" for name, count in rows.items())
    for name, ids in counts.ids.items():
        if ids:
            rest = counts.posts[name] - len(ids)
            yield ""
            yield f"{name}: {', '.join(map(str, ids))}" + (f" and {rest:,} with lower ids" if rest else "")
    for title, tags in (("Tags that came to most posts:", counts.came), ("Tags that went from most posts:", counts.went)):
        if tags:
            yield from ("", title, "", *(f"  {posts:>12,}  {_printable(tag)}" for tag, posts in most_frequent(tags)))
    if counts.ratings:
        yield from ("", "Ratings:", "")
        moves = sorted(counts.ratings.items(), key=lambda entry: (-entry[1], str(entry[0])))
        yield from (f"  {posts:>12,}  {before or 'none'} -> {now or 'none'}" for (before, now), posts in moves)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
