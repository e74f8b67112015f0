import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booruflow.core.errors import UserError
from booruflow.texts.templates import PARTS, check_template, file_parts, parse_template, parts_with
from booruflow.texts.variants import filled

SCHEMA = dict.fromkeys(PARTS, pl.String)


def fill(template, **parts):
    return pl.DataFrame([parts], schema=SCHEMA).select(filled(parse_template(template))).item()


@pytest.mark.parametrize(
    ("template", "parts", "text"),
    [
        ("{tags}", {"tags": "1girl, solo"}, "1girl, solo"),
        ("{tags}, {caption}", {"tags": "1girl", "caption": "A girl."}, "1girl, A girl."),
        ("{tags}, {caption}", {"caption": "A girl."}, "A girl."),
        ("{tags}, {caption}", {"tags": "1girl"}, "1girl"),
        ("{tags}, {caption}", {}, None),
        ("{tags}, by {artist}. {caption}", {"tags": "1girl", "caption": "A girl."}, "1girl. A girl."),
        ("{tags}, by {artist}. {caption}", {"artist": "ink"}, "by ink"),
        ("{characters} ({rating}), {caption}", {"rating": "general", "caption": "A girl."}, "(general), A girl."),
        ("{characters} ({rating}), {caption}", {"characters": "mirelle", "caption": "A girl."}, "mirelle, A girl."),
        ("{characters} ({rating})", {"characters": "mirelle"}, "mirelle"),
        ("{characters} ({rating})", {"characters": "mirelle", "rating": "general"}, "mirelle (general)"),
        ("{characters} ||| {tags}", {"tags": "hat"}, "hat"),
        ("{characters} ||| {tags}", {"characters": "mirelle"}, "mirelle"),
        ("{people} ||| {characters}, {general}. {caption}", {"people": "1girl", "general": "hat"}, "1girl ||| hat"),
        ("{people} ||| {characters}, {general}. {caption}", {"people": "1girl", "caption": "C."}, "1girl ||| C."),
        ("{people} ||| {characters}, {general}. {caption}", {"people": "1girl"}, "1girl"),
        ("{people} ||| {characters}, {general}. {caption}", {"characters": "mirelle", "caption": "C."}, "mirelle. C."),
        ("{people} ||| {general} ||| {caption}", {"people": "1girl", "caption": "C."}, "1girl ||| C."),
        ("({people} ||| {general}) {caption}", {"people": "1girl", "caption": "C."}, "(1girl) C."),
        ("A drawing of {characters}.", {"characters": "mirelle"}, "A drawing of mirelle."),
        ("A drawing of {characters}. {caption}", {"caption": "She smiles."}, "She smiles."),
        ("{tags}{caption}", {"tags": "a", "caption": "b"}, "ab"),
        ("{tags} [{rating}; {quality}]. {caption}", {"tags": "a", "rating": "r", "quality": "q", "caption": "C"}, "a [r; q]. C"),
        ("{tags} [{rating}; {quality}]. {caption}", {"tags": "a", "quality": "q"}, "a [q]"),
        ("{tags} [{rating}; {quality}]. {caption}", {"rating": "r", "caption": "C"}, "[r]. C"),
        ("{tags} [{rating}; {quality}]. {caption}", {"tags": "a", "caption": "C"}, "a. C"),
        ("({tags} [{rating} / {year}], {quality})", {"year": "y"}, "([y])"),
        ("({tags} [{rating} / {year}], {quality})", {"tags": "a", "quality": "q"}, "(a, q)"),
        ("(by {artist}, made in {year} alone): {caption}", {"year": "y", "caption": "C"}, "(made in y alone): C"),
        ("[{rating}], [{year}] ({tags}) {caption} :(", {"year": "y", "caption": "C"}, "[y] C :("),
        (":( {artist} ({rating}, {year})", {"year": "y"}, "(y)"),
        ('"{characters}, {copyrights}" by {artist}', {"copyrights": "C", "artist": "A"}, '"C" by A'),
        ('"{characters}, {copyrights}" by {artist}', {"characters": "C"}, '"C"'),
        ('"{characters}, {copyrights}" by {artist}', {"artist": "A"}, "by A"),
        ('"{characters}" ({copyrights}, "{general}")', {"copyrights": "C"}, "(C)"),
        ("it's {artist}'s {characters}, {general}", {"artist": "A", "general": "g"}, "it's A's, g"),
        ("it's {artist}'s {characters}, {general}", {"characters": "C", "general": "g"}, "C, g"),
        ("'{artist}' {general}", {"general": "g"}, "g"),
        ("({tags} end), {caption}", {"caption": "C"}, "C"),
        ("({tags} end), {caption}", {"tags": "a"}, "(a end)"),
        ("{characters} ({copyrights} ({artist})) end", {"characters": "c", "artist": "a"}, "c ((a)) end"),
        ("{characters} ({copyrights} ({artist})) end", {"copyrights": "v"}, "(v) end"),
        ("“{artist}” {general}", {"general": "g"}, "g"),
        ("“{artist}” {general}", {"artist": "A"}, "“A”"),
        ("『{artist}、{characters}』{general}", {"characters": "C", "general": "g"}, "『C』g"),
        ("《{artist}, {characters}》 {general}", {"general": "g"}, "g"),
        ("【{artist}】{characters}、{general}", {"general": "g"}, "g"),
    ],
)
def test_an_empty_part_leaves_no_stray_separator(template, parts, text):
    assert fill(template, **parts) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{tag}, {caption}", "no part {tag}; did you mean {tags}?"),
        ("{xyz}", "no part {xyz}; parts are {tags}, {caption}"),
        ("{}", "no part {}; parts are"),
        ("{caption_long}", "did you mean {caption}? {caption_long} needs the style long in captioner.styles"),
        ("{tags, {caption}", "a brace without its partner"),
        ("tags}", "a brace without its partner"),
        ("masterpiece", "no part: use {tags}"),
        ("{tags}\n{caption}", "a line break or tab: a variant is one line"),
    ],
)
def test_a_bad_template_is_one_line(template, message):
    with pytest.raises(UserError) as error:
        check_template(template, PARTS, {})
    assert message in str(error.value) and "\n" not in str(error.value)


SEPARATORS = [", ", ". ", " ", " ||| ", "; ", " - ", ""]


@given(
    names=st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True),
    separators=st.lists(st.sampled_from(SEPARATORS), min_size=5, max_size=5),
    empty=st.sets(st.sampled_from(PARTS)),
)
def test_any_subset_of_parts_is_joined_by_the_separators_before_them_or_the_divider_between(names, separators, empty):
    template = "".join(f"{separator}{{{name}}}" for name, separator in zip(names, ["", *separators], strict=False))
    parts = {name: f"<{name}>" for name in names if name not in empty}
    expected, between = "", []
    for name, separator in zip(names, ["", *separators], strict=False):
        between.append(separator)
        if name in parts:
            expected += (" ||| " if " ||| " in between else separator) * bool(expected) + parts[name]
            between = []
    assert fill(template, **parts) == (expected or None)


@st.composite
def bracketed(draw, depth=2):
    """A template with balanced brackets."""
    items = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(["", "by ", "x"])) + "{" + draw(st.sampled_from(PARTS)) + "}"
        if depth and draw(st.booleans()):
            opening, closing = draw(st.sampled_from(["()", "[]", "「」"]))
            text = opening + draw(bracketed(depth - 1)) + closing
        items.append(text + draw(st.sampled_from(["", " end"])))
    return draw(st.sampled_from([", ", " ", "; "])).join(items)


@given(template=bracketed(), empty=st.sets(st.sampled_from(PARTS)))
def test_brackets_stay_in_pairs_around_what_is_left(template, empty):
    parts = {name: name for name in PARTS if name not in empty}
    text = fill(template, **parts) or ""
    written = re.findall(r"\{(\w+)\}", template)
    assert [name for name in written if name in parts] == re.findall("|".join(sorted(PARTS, key=len, reverse=True)), text)
    while (less := re.sub(r"\([^][()「」]+\)|\[[^][()「」]+\]|「[^][()「」]+」", "x", text)) != text:
        text = less
    assert not set(text) & set("()[]「」"), "each pair holds something"


def test_parts_that_are_files_have_those_of_a_subset_but_for_further_styles():
    assert file_parts([]) == {"tags": ("tags", "results/tags/meta_cap_dd.json"), "caption": ("caption", "results/meta_cap.json")}
    assert file_parts(["short"], "solo") == {
        "tags": ("tags", "results/subsets/solo/tags/meta_cap_dd.json"),
        "caption": ("caption", "results/subsets/solo/meta_cap.json"),
        "caption_short": ("caption", "results/meta_cap_short.json"),
    }
    assert file_parts(["short"]).keys() <= set(parts_with(["short"]))
