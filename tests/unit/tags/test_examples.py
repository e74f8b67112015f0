"""The tables of docs/tags.md: ten posts of the sample and ten with names of Danbooru, before and after a policy."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from booruflow.sources.posts import posts_of
from booruflow.sources.tags import tag_line
from booruflow.tags.naming import Naming
from booruflow.tags.quality import cutoffs, years
from booruflow.tags.tags import PolicyTags, tags_line

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/tags.md"

SAMPLE_POSTS = [0, 1, 2, 30, 77, 101, 130, 166, 201, 235]
SAMPLE_POLICY = {"policies": ["booru-noise", "noobai"], "quality": {"by": "score", "min_posts": 20}}

OWN_POLICY = """tags:
  policies: [booru-noise]
  order: [people, character, copyright, artist, divider, general, meta, rating]
  divider: '|||'
  underscores: space
  templates: {artist: '@{}'}
  drop_less_specific: true
  rename: {'*_(medium)': '*'}
  aliases: [aliases.csv]
  rating: {g: safe, s: sensitive, q: nsfw, e: explicit}
"""
ALIASES = "antecedent_name,consequent_name,status\n1girls,1girl,active\nlonghair,long_hair,active\nblond,blonde_hair,active\n"
NAMED_POSTS = [
    (
        "g",
        "kei_(keigarou)",
        "hatsune_miku",
        "vocaloid",
        "1girls ^_^ hair long_hair twintails",
        "bad_id highres translation_request",
    ),
    (
        "s",
        "takeuchi_takashi",
        "saber_(fate)",
        "fate/stay_night fate_(series)",
        "1girl ahoge blond sword",
        "absurdres md5_mismatch",
    ),
    ("g", "zun", "hakurei_reimu kirisame_marisa", "touhou", "1boy 2girls hat o_o witch_hat", "commentary_request"),
    ("g", "banned_artist", "", "original", "blue_sky cloudy_sky no_humans scenery sky", "bad_pixiv_id highres"),
    ("q", "", "joseph_joestar", "jojo_no_kimyou_na_bouken", "1boy :( black_hair hair male_focus short_hair", "check_translation"),
    ("e", "", "", "", "1girl >_< longhair school_uniform uniform very_long_hair", "photoshop_(medium) source_request"),
    ("g", "", "", "kantai_collection", "6+girls multiple_girls", "chinese_commentary commentary"),
    ("s", "", "", "", "1girl barefoot dress hat solo straw_hat sundress white_dress", "artist_request paid_reward_available"),
    ("g", "", "", "", "1other animal_ears cat_ears ears tail x_x", "duplicate pixel-perfect_duplicate"),
    (None, "", "pikachu", "pokemon", "1girl pokemon_(creature) t_t tearing_up tears", "lowres revision variant_set"),
]
COLUMNS = ("rating", "artist", "character", "copyright", "general", "meta")


def rows(before, after, ids=None):
    """Rows of a Markdown table."""
    columns = [[str(post) for post in ids]] if ids is not None else []
    columns += [[f"`{line}`".replace("|", "\\|") for line in lines] for lines in (before, after)]
    return ["| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True)]


def sample_rows(policy, folder):
    """The posts of the sample, and their cut-offs."""
    names = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())["properties"]["inputs"]["properties"][
        "columns"
    ]
    names = {name: part["default"] for name, part in names["properties"].items()}
    posts = pl.concat(posts_of([str(ROOT / "sample/metadata.parquet")], names, folder / "spool"))
    chosen = policy(**SAMPLE_POLICY)
    table = cutoffs(years([posts], "score"), chosen["quality"]["words"], chosen["quality"]["min_posts"])
    batch = posts.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks().to_batches()[0]
    tags, _ = PolicyTags(chosen, table, with_names=False).apply(batch)
    before = posts.select(tag_line(policy()["order"], ", ")).to_series()
    after = tags.select(tags_line(chosen["order"], chosen["separator"], chosen["divider"])).to_series()
    lines = rows(*(each.gather(SAMPLE_POSTS) for each in (before, after)), ids=posts["id"].gather(SAMPLE_POSTS))
    return lines, ["\t".join("" if value is None else str(value) for value in row) for row in table.rows()]


def named_rows(policy, batch, folder):
    """Posts with names of Danbooru under OWN_POLICY."""
    (folder / "aliases.csv").write_text(ALIASES)
    section = yaml.safe_load(OWN_POLICY)["tags"] | {"aliases": [str(folder / "aliases.csv")]}
    chosen = policy(**section)
    posts = batch([dict(zip(COLUMNS, post, strict=True)) for post in NAMED_POSTS])
    tags, _ = PolicyTags(chosen, cutoffs((), {}, 1), with_names=False).apply(posts)
    before = pl.DataFrame(posts).select(tag_line(policy()["order"], ", ")).to_series()
    return rows(before, tags.select(tags_line(chosen["order"], chosen["separator"], chosen["divider"])).to_series())


def test_the_page_shows_what_the_policies_do(policy, batch, tmp_path):
    page = PAGE.read_text("utf-8")
    posts, table = sample_rows(policy, tmp_path)
    for line in [*posts, table[0], *named_rows(policy, batch, tmp_path), OWN_POLICY, ALIASES]:
        assert line in page


@pytest.mark.skipif(not (ROOT.parent / "shared/data/danbooru_tags.csv").exists(), reason="needs a table of Danbooru's tags")
def test_no_shipped_policy_drops_what_is_in_the_image(policy):
    """Of general tags and characters none is dropped; of the meta tags, noise is."""
    numbers = {0: "general", 4: "character", 5: "meta"}
    columns = ["name", "number", "count", "aliases"]
    tags = pl.read_csv(ROOT.parent / "shared/data/danbooru_tags.csv", has_header=False, new_columns=columns)
    naming = Naming.of(policy(policies=["booru-noise"]))
    dropped = {}
    for number, category in numbers.items():
        names = tags.filter(pl.col("number") == number)["name"].to_list()
        dropped[category] = {name for name, out in zip(names, naming.is_dropped(category, names), strict=True) if out}
    assert not dropped["general"] and not dropped["character"]
    assert {"translation_request", "md5_mismatch", "duplicate", "bad_link", "chinese_commentary"} <= dropped["meta"]
    assert not dropped["meta"] & {"highres", "absurdres", "official_art", "animated", "photoshop_(medium)", "traditional_media"}
