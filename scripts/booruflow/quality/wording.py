"""Repetition, the prompt's own words, and other languages in a caption."""

import re
from collections.abc import Iterable, Sequence

import polars as pl

from booruflow.captioning.parsing.text.repetition import loops
from booruflow.quality.matching import FLAGS

LONG_SENTENCE = 20
"""Words of a sentence that holds of one thing only; a shorter one may be said once of each person."""
MIN_SENTENCE = 16
"""Bytes of the shortest sentence that counts."""
ENDLESS = 320
"""Bytes of a sentence in which repetition is searched for, and characters at its start in which it is."""
LOOKED_AT = 20_000
ECHO_WORDS = 6
"""Words in a row that make an echo of the prompt."""


def repeated_sentences(frame: pl.DataFrame) -> pl.DataFrame:
    """Flags `repeated`: a sentence more often than there are people, twice in a row, or a long one twice; or endlessly."""
    text = pl.col("caption").str.strip_chars_end(". \n")
    text = text.str.replace_all(".\n", ". ", literal=True).str.replace_all("\n", ". ", literal=True)
    parts = frame.select("id", "people", part=text.str.split(". ")).explode("part").with_columns(place=pl.int_range(pl.len()))
    parts = parts.filter(pl.col("part").str.len_bytes() > MIN_SENTENCE)
    twice = parts.filter((pl.col("part").hash() + pl.col("id").hash()).is_duplicated())
    twice = twice.with_columns(part=pl.col("part").str.strip_chars(" .*-")).filter(
        pl.col("part").str.count_matches(" ", literal=True) >= 3
    )
    counts = twice.group_by("id", "people", "part", maintain_order=True).agg(count=pl.len(), apart=pl.col("place").diff().min())
    long = pl.col("part").str.count_matches(" ", literal=True) + 1 >= LONG_SENTENCE
    few = pl.col("people") <= 1  # a number that is not known is -1
    each = pl.when(few).then(2).otherwise(pl.col("people"))
    counts = counts.filter((pl.col("count") > each) | long | ((pl.col("apart") == 1) & few))
    said = counts.unique("id", keep="first", maintain_order=True).select(
        "id", flag=pl.lit("repeated"), detail=pl.format("{} times: {}", "count", pl.col("part").str.head(80))
    )
    endless = parts.filter((pl.col("part").str.len_bytes() > ENDLESS) & ~pl.col("id").is_in(said["id"].implode()))
    loop_flags = [
        (id_, "repeated", "endless: " + part[max(0, end - 60) : end])
        for id_, part in endless.select("id", "part").iter_rows()
        if (end := loops(part[:LOOKED_AT]))
    ]
    looping = pl.DataFrame(loop_flags, schema=FLAGS, orient="row").unique("id", keep="first", maintain_order=True)
    return pl.concat([said, looping])


def echo_phrases(texts: Iterable[str]) -> list[str]:
    """The runs of ECHO_WORDS words in the texts of a prompt, and their marks such as `<tags>`, for `prompt_echo`."""
    phrases: set[str] = set()
    for text in texts:
        phrases |= set(re.findall(r"</?[a-z_]+>", text))
        for piece in re.split(r"\{[^{}]*\}|</?[a-z_]+>|\n", text):
            words = piece.split()
            phrases |= {" ".join(words[i : i + ECHO_WORDS]) for i in range(len(words) - ECHO_WORDS + 1)}
    return sorted(phrases)


def prompt_echo(frame: pl.DataFrame, phrases: Sequence[str]) -> pl.DataFrame:
    """Flags `prompt_echo`: the caption holds one of the phrases."""
    if not phrases:
        return pl.DataFrame(schema=FLAGS)
    found = frame.filter(pl.col("caption").str.contains_any(list(phrases), ascii_case_insensitive=True))
    first = pl.col("caption").str.extract_many(list(phrases), ascii_case_insensitive=True).list.first()
    return found.select("id", flag=pl.lit("prompt_echo"), detail=first)


_OTHER_SCRIPT = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Thai}\p{Devanagari}\p{Greek}]"
_QUOTES = r"\"[^\"]*\"|“[^”]*”|「[^」]*」|『[^』]*』|'[^']*'|\([^)]*\)"
_ENGLISH = r"(?i-u)\b(?:the|of|and|with|is|are|in|an?|on|she|he|her|his|has|wearing|this|at|to)\b"
_FOREIGN = {
    "German": "und der das ist mit ein eine einen einer auf im sie er haare augen trägt bild zeigt",
    "French": "les une est avec dans des et du aux elle il cheveux yeux sur porte qui",
    "Spanish": "el los las una con de en y es por del que ojos pelo cabello lleva chica",
    "Portuguese": "os uma com da do de em que um olhos cabelo está menina e vestindo",
    "Italian": "il della che con un una di e gli capelli occhi ragazza sono indossa",
    "Dutch": "het een van met en de op zij haar ogen draagt meisje is",
    "Polish": "jest na z w i dziewczyna włosy oczy się ma oraz",
    "Indonesian": "yang dan dengan di seorang gadis rambut mata memakai dari",
    "Vietnamese": "và với cô gái tóc mắt đang một có trong",
}
_ENGLISH_TOO = {
    "is",
    "on",
    "met",
    "die",
    "in",
    "an",
    "haar",
    "de",
    "en",
    "do",
    "da",
    "no",
    "du",
    "im",
    "na",
    "ma",
    "er",
    "il",
    "op",
}
_ONLY_FOREIGN = sorted({word for words in _FOREIGN.values() for word in words.split() if len(word) > 2} - _ENGLISH_TOO)
_FOREIGN_WORDS = rf"(?i)\b(?:{'|'.join(_ONLY_FOREIGN)})\b"


def other_languages(frame: pl.DataFrame) -> pl.DataFrame:
    """Flags `language`: much of the caption is in another script, except quotes, or has function words of another language."""
    caption = pl.col("caption")
    scripts = frame.filter(caption.str.len_bytes() > caption.str.len_chars() + 8).with_columns(
        bare=caption.str.replace_all(_QUOTES, "")
    )
    scripts = scripts.with_columns(
        other=pl.col("bare").str.count_matches(_OTHER_SCRIPT), letters=pl.col("bare").str.count_matches(r"\p{L}")
    )
    scripts = scripts.filter((pl.col("other") >= 8) & (pl.col("other") >= 0.15 * pl.col("letters")))
    scripts = scripts.select(
        "id", flag=pl.lit("language"), detail=pl.format("{} of {} letters in another script", "other", "letters")
    )
    words = frame.filter(~pl.col("id").is_in(scripts["id"].implode()) & caption.str.contains(_FOREIGN_ASCII))
    words = words.with_columns(foreign=caption.str.count_matches(_FOREIGN_WORDS), english=caption.str.count_matches(_ENGLISH))
    words = words.filter((pl.col("foreign") >= 4) & (2 * pl.col("foreign") > pl.col("english")))
    words = words.select(
        "id", flag=pl.lit("language"), detail=pl.format("{} function words of other languages, {} English", "foreign", "english")
    )
    return pl.concat([scripts, words])


_FOREIGN_ASCII = rf"(?i-u)\b(?:{'|'.join(word for word in _ONLY_FOREIGN if word.isascii())})\b"
