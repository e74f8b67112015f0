"""What synthetic posts hold: tags, captions, favourites, and a table of aliases; a batch at a time.

Tag names, frequencies and co-occurrences are real if the folder ../shared/data beside the repository has
`danbooru_tags.csv` and `danbooru_cooccurrence.parquet`, and otherwise invented with Zipf frequencies. All else is drawn at
random. A post depends only on the seed and its position.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"

BATCH = 16_384
"""Posts generated at a time."""

SPAN = 18_400
"""Range of ids of a batch: of 9 million danbooru ids, 8 million are posts."""

CATEGORIES = {"general": 0, "artist": 1, "copyright": 3, "character": 4, "meta": 5}
"""Danbooru's category numbers."""

CAPTION_COLUMNS = {"phi3v_horny": 4, "pixtral_caption": 5, "florence_short": 1, "florence_long": 3}
"""Caption columns and their average number of clauses."""

ALIASES = 40_000
"""Rows of the table of aliases."""

FREQUENT = 5_000
"""The most frequent tags, which are no alias of another."""

DRAWS = 1 << 22
PARTNERS = 64


@dataclass(frozen=True)
class Pieces:
    """Pieces of text that are joined by single spaces; `doubled` has all of them with a space at the end, then without."""

    doubled: pa.LargeStringArray
    count: int

    @classmethod
    def of(cls, texts: list[str]) -> "Pieces":
        """Pieces with these texts."""
        return cls(pa.array([f"{text} " for text in texts] + texts, pa.large_string()), len(texts))

    def joined(self, chosen: np.ndarray, counts: np.ndarray) -> pl.Series:
        """One string a row: row i has the next `counts[i]` of the pieces `chosen`."""
        bounds = np.concatenate([[0], np.cumsum(counts)])
        index = chosen.copy()
        index[bounds[1:][counts > 0] - 1] += self.count
        taken = self.doubled.take(pa.array(index))
        offsets = np.frombuffer(taken.buffers()[1], np.int64)[bounds]
        return pl.Series(pa.LargeStringArray.from_buffers(len(counts), pa.py_buffer(offsets), taken.buffers()[2]))


@dataclass(frozen=True)
class Vocabulary:
    """Tags in alphabetical order, and lookup tables: a uniformly drawn row is a tag of the wanted distribution."""

    names: Pieces
    by_category: dict[str, np.ndarray]
    """Tags of each category in proportion to their counts."""
    partner: np.ndarray
    """(tags, 64): general tags that co-occur with a tag; any general tags where none are known."""
    copyright_of: np.ndarray
    """The copyright a character belongs to, or -1."""


def vocabulary() -> Vocabulary:
    """Real tags if there are any beside the repository, otherwise invented ones."""
    if (REAL_DATA / "danbooru_tags.csv").exists():
        tags = pl.read_csv(
            REAL_DATA / "danbooru_tags.csv", has_header=False, new_columns=["name", "category", "count", "aliases"]
        ).drop("aliases")
    else:
        tags = _invented_tags()
    pairs = REAL_DATA / "danbooru_cooccurrence.parquet"
    if pairs.exists():
        cooccurrences = pl.read_parquet(pairs)
    else:
        cooccurrences = pl.DataFrame(schema={"tag_a": pl.String, "tag_b": pl.String, "count": pl.Int32})
    return _tables(tags.unique("name").sort("name").with_row_index("tag"), cooccurrences)


def _invented_tags() -> pl.DataFrame:
    """Names of two or three syllabic words; the r-th most frequent tag of a category has about 1 / r of its posts."""
    syllables = np.array([onset + vowel for onset in "kstnhmrgzdb" for vowel in "aiueo"])
    draw = np.random.default_rng(0)
    frames = []
    for category, (number, size) in {
        "general": (12_000, 6e6), "artist": (8_000, 9e3), "copyright": (1_500, 1e6), "character": (6_000, 1.3e5),
        "meta": (120, 5e6),
    }.items():  # fmt: skip
        words = ["".join(syllables[draw.integers(0, len(syllables), 3)]) for _ in range(2 * number)]
        names = [f"{words[i]}_({words[i + 1]})" if i % 10 == 0 else f"{words[i]}_{words[i + 1]}" for i in range(number)]
        ranks = np.arange(1, number + 1)
        counts = (size / (ranks + 2)).astype(np.int64) + 1
        frames.append(pl.DataFrame({"name": names, "category": CATEGORIES[category], "count": counts}))
    return pl.concat(frames)


def _tables(tags: pl.DataFrame, pairs: pl.DataFrame) -> Vocabulary:
    by_category = {}
    for category, number in CATEGORIES.items():
        own = tags.filter(pl.col("category") == number)
        ends = np.cumsum(own["count"].to_numpy())
        places = np.linspace(0, ends[-1], DRAWS, endpoint=False)
        by_category[category] = own["tag"].to_numpy()[np.searchsorted(ends, places, side="right")].astype(np.int32)
    both = pl.concat([pairs, pairs.select(tag_a="tag_b", tag_b="tag_a", count="count")])
    known = (
        both.join(tags.select(tag_a="name", a="tag"), on="tag_a")
        .join(tags.select(tag_b="name", b="tag", category="category"), on="tag_b")
        .sort("a", "count", "b", descending=[False, True, False])
    )
    partner = np.random.default_rng(0).choice(by_category["general"], (len(tags), PARTNERS))
    general = known.filter(pl.col("category") == CATEGORIES["general"])
    ends = np.concatenate([[0], general["count"].cast(pl.Int64).cum_sum().to_numpy()])
    owners, starts = np.unique(general["a"].to_numpy(), return_index=True)
    first, total = ends[starts], np.diff(ends[np.append(starts, len(general))])
    places = first[:, None] + total[:, None] * np.arange(PARTNERS) / PARTNERS
    partner[owners] = general["b"].to_numpy()[np.searchsorted(ends[1:], places, side="right")]
    copyrights = known.filter(pl.col("category") == CATEGORIES["copyright"]).unique("a", keep="first", maintain_order=True)
    copyright_of = np.full(len(tags), -1, np.int32)
    copyright_of[copyrights["a"].to_numpy()] = copyrights["b"].to_numpy()
    return Vocabulary(Pieces.of(tags["name"].to_list()), by_category, partner, copyright_of)


def posts_batch(tags: Vocabulary, seed: int, batch: int) -> pl.DataFrame:
    """The posts of one batch, by ascending id."""
    draw = np.random.default_rng([seed, batch, 0])

    def drawn(category: str, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of posts and tags: `counts[i]` tags for post i."""
        owners = np.repeat(np.arange(BATCH), counts)
        return owners, tags.by_category[category][draw.integers(0, DRAWS, len(owners))]

    characters = drawn("character", draw.choice(4, BATCH, p=[0.3, 0.52, 0.12, 0.06]))
    own_copyrights = tags.copyright_of[characters[1]]
    without_copyright = np.ones(BATCH, bool)
    without_copyright[characters[0][own_copyrights >= 0]] = False
    copyrights = _joined((characters[0], own_copyrights), drawn("copyright", without_copyright & (draw.random(BATCH) < 0.8)))
    base = drawn("general", draw.integers(18, 40, BATCH))
    cooccurring = [
        (owners, tags.partner[known, draw.integers(0, PARTNERS, len(known))])
        for owners, known in ((base[0][::3], base[1][::3]), characters, characters)
    ]
    columns = {
        "general": _joined(base, *cooccurring),
        "artist": drawn("artist", draw.choice(3, BATCH, p=[0.08, 0.88, 0.04])),
        "character": characters,
        "copyright": copyrights,
        "meta": drawn("meta", draw.choice(6, BATCH, p=[0.05, 0.2, 0.3, 0.25, 0.15, 0.05])),
    }
    sides = np.exp(draw.normal([7.1, 7.3], [0.45, 0.4], (BATCH, 2))).astype(np.int64) + 20
    return pl.DataFrame(
        {
            "id": post_ids(seed, batch),
            "rating": np.array(["g", "s", "q", "e"])[draw.choice(4, BATCH, p=[0.3, 0.45, 0.12, 0.13])],
            "score": draw.poisson(np.exp(draw.normal(2, 1, BATCH))) - draw.integers(0, 3, BATCH),
            **{f"tag_string_{name}": _tag_strings(tags, *owned) for name, owned in columns.items()},
            "image_width": sides[:, 0],
            "image_height": sides[:, 1],
            "file_ext": np.array(["jpg", "png", "webp", "gif"])[draw.choice(4, BATCH, p=[0.7, 0.25, 0.04, 0.01])],
        }
    )


def favourites_batch(seed: int, batch: int) -> pl.DataFrame:
    """How many people like each post of a batch, and its time: two minutes after the id before it, from May 2005 on."""
    draw = np.random.default_rng([seed, batch, 4])
    seconds = 1_116_900_000 + post_ids(seed, batch) * 120
    times = pl.Series(seconds * 1000).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S.000-04:00")
    return pl.DataFrame({"fav_count": draw.poisson(np.exp(draw.normal(2.5, 1.2, BATCH))), "created_at": times})


def aliases(rows: int) -> pl.DataFrame:
    """A table of aliases as boorus export it: half of them of less frequent tags that posts have, half of old names."""
    tags = vocabulary()
    pieces = tags.names
    names = [name.rstrip(" ") for name in pieces.doubled[: pieces.count].to_pylist()]
    uses = np.bincount(np.concatenate(list(tags.by_category.values())), minlength=len(names))
    rare = np.argsort(-uses, kind="stable")[FREQUENT:]
    chosen = np.random.default_rng(5).permutation(rare)[: rows // 2 * 2]
    half = len(chosen) // 2
    old = [names[number] for number in chosen[:half]] + [f"{names[number]}_(old)" for number in chosen[half:]]
    new = [names[number] for number in chosen[half:]] * 2
    return pl.DataFrame({"antecedent_name": old[: len(new)], "consequent_name": new[: len(old)], "status": "active"})


def post_ids(seed: int, batch: int) -> np.ndarray:
    """Ascending ids with random gaps."""
    picked = np.random.default_rng([seed, batch, 1]).permutation(SPAN)[:BATCH]
    return batch * SPAN + 1 + np.sort(picked)


def _joined(*parts: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    owners, tags = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return owners[tags >= 0], tags[tags >= 0]


def _tag_strings(tags: Vocabulary, owners: np.ndarray, chosen: np.ndarray) -> pl.Series:
    """Each post's tags once, in alphabetical order, as danbooru has them."""
    # sorting is 15 times as fast as np.unique, which hashes
    code = np.sort(owners.astype(np.int64) << 32 | chosen)
    code = code[np.diff(code, prepend=-1) > 0]
    return tags.names.joined(code & 0xFFFFFFFF, np.bincount(code >> 32, minlength=BATCH))


def clauses() -> tuple[Pieces, int]:
    """Pieces of captions, and how many of them are plain; the rest are cases from real captions that break naive parsers."""
    who = [
        "A young girl", "The woman on the left", "A boy", "The smaller figure", "Her friend", "The main character",
        "An anime girl",
    ]  # fmt: skip
    does = [
        "is standing in front of", "looks over her shoulder at", "is sitting beside", "reaches for",
        "is surrounded by", "smiles gently toward", "holds", "is partly hidden behind", "leans against",
        "walks slowly past",
    ]  # fmt: skip
    what = [
        "a window full of soft light,", "an old wooden table.", "a row of cherry trees,", "the sea at sunset.",
        "a stack of books and a cup of tea,", "a white cat with a red ribbon.", "a field of sunflowers,",
        "a city street at night.", "the viewer,", "her long twin braids.", "a large sword with a golden hilt,",
        "a plain grey background.", "several floating lanterns,", "a crowd of people in school uniforms.",
        "the night sky, full of stars,", "a stone wall.",
    ]  # fmt: skip
    places = [f"{thing} {where}" for thing, where in zip(what, ["near", "next to", "behind", "not far from"] * 4, strict=True)]
    plain = [f"{a} {b} {c} {what[i - 5]}" for a in who for b in does for i, c in enumerate(places)]
    odd = [
        "\n", "first line.\nsecond line,", "two lines apart.\n\n", "a\ttab,", "a line end of Windows.\r\n",
        'the sign reads "OPEN",', "a back\\slash,", "\u300c\u3053\u3093\u306b\u3061\u306f\u300d,",
        "a na\u00efve caf\u00e9,",
        "a heart \u2764\ufe0f and \U0001f431,", "a separator\u2028here,", "a paragraph\u2029here,", "{blue|red} eyes,",
        "wide   gaps,", "</s>", "a no-break\u00a0space,",
    ]  # fmt: skip
    return Pieces.of(plain + odd), len(plain)


def captions_batch(pieces: Pieces, plain: int, seed: int, batch: int) -> pl.DataFrame:
    """Captions of the posts of one batch; about 94 of 100 posts have a caption, 3 have no row, 3 have a row without text."""
    draw = np.random.default_rng([seed, batch, 2])
    without_text = draw.random(BATCH) < 0.03
    columns = {}
    for name, mean in CAPTION_COLUMNS.items():
        counts = draw.integers(mean // 2 + 1, mean * 3 // 2 + 1, BATCH)
        chosen = draw.integers(0, plain, counts.sum())
        odd = np.flatnonzero(draw.random(len(chosen)) < 0.002)
        chosen[odd] = draw.integers(plain, pieces.count, len(odd))
        kind = draw.choice(4, BATCH, p=[0.93, 0.05, 0.015, 0.005])
        kind[without_text] = draw.choice([1, 2, 3], without_text.sum())
        empty = np.array([None, None, "", " \n "], dtype=object)[kind]
        columns[name] = pl.select(
            pl.when(pl.Series(kind == 0))
            .then(pieces.joined(chosen, counts))
            .otherwise(pl.Series(empty.tolist(), dtype=pl.String))
            .alias(name)
        ).to_series()
    return pl.DataFrame({"index": post_ids(seed, batch), **columns}).filter(pl.Series(draw.random(BATCH) >= 0.03))
