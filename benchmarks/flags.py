"""Flags of the sample's captions, to be read beside captions and tags: how often is a flag right?

    python benchmarks/flags.py [FLAG ...] [--read 20] [--captions FOLDER]

Run in the clone, after the sample is built. Each source of existing captions is taken as if a model had generated it, as it
is and dealt to other posts; with --captions also those of another data set of these posts, such as the sample's without existing
captions. Printed are the counts of all flags, and --read captions with each FLAG, drawn by a fixed seed.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import yaml

from booruflow.captioning.prompts.settings import request_settings, with_profile
from booruflow.core.config import check_config, read_yaml
from booruflow.core.files import read_json
from booruflow.quality.flags import checks, usual_kinds
from booruflow.quality.people import people_counts
from booruflow.quality.settings import Settings, check_settings

POSTS = "results/posts/posts.parquet"


def sources(folder: Path | None) -> Iterator[tuple[str, pl.DataFrame]]:
    """The name and the captions, `id` and `caption`, of each source."""
    existing = pl.read_parquet("sample/captions.parquet").rename({"index": "id"})
    for name in existing.columns[1:]:
        yield name, existing.select("id", caption=pl.col(name).str.strip_chars()).filter(pl.col("caption") != "")
    if folder is not None:
        entries = {
            int(post): entry["caption"]
            for path in sorted(folder.glob("results/captions/good_*.json"))
            for post, entry in read_json(path).items()
        }
        yield str(folder), pl.DataFrame({"id": list(entries), "caption": list(entries.values())}).sort("id")


def dealt(captions: pl.DataFrame) -> pl.DataFrame:
    """The captions, each with the id of another one."""
    ids, by = captions["id"], len(captions) // 3
    return captions.with_columns(pl.concat([ids[by:], ids[:by]]).alias("id")).sort("id")


def flagged(captions: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The flags of the captions beside these and the tags."""
    posts = pl.read_parquet(POSTS, columns=["id", "general", "character"])
    rows = captions.join(posts, on="id", maintain_order="left").with_columns(origin=pl.lit("generated"))
    rows = rows.with_columns(pl.col("general", "character").fill_null("")).with_columns(people=people_counts(rows["general"]))
    run = checks(settings, usual_kinds([rows], settings), POSTS, {"clip": None, "t5": None})
    flags = pl.concat([check(rows).select("id", "flag", "detail") for check in run])
    return flags.sort("flag", "id").join(rows, on="id", maintain_order="left")


def main() -> None:
    """Print the counts, and the captions to read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flags", nargs="*")
    parser.add_argument("--read", type=int, default=20)
    parser.add_argument("--captions", type=Path)
    options = parser.parse_args()
    config = check_config(read_yaml("config.yaml"), yaml.safe_load(Path("rules/schemas/config.schema.yaml").read_text()), "")
    settings = Settings(**check_settings(config, request_settings(with_profile(config["captioner"])), generated=True))
    generator = random.Random(0)
    for name, captions in sources(options.captions):
        for how, rows in (("as it is", captions), ("dealt", dealt(captions))):
            flags = flagged(rows, settings)
            counts = dict(flags["flag"].value_counts(sort=True).iter_rows())
            print(f"{name}, {how}: {len(rows)} captions: {', '.join(f'{flag} {count}' for flag, count in counts.items())}")
            for flag in options.flags:
                found = flags.filter(pl.col("flag") == flag).to_dicts()
                for row in generator.sample(found, min(options.read, len(found))):
                    print(f"\n  {flag} {row['id']}: {row['detail']}\n  {row['general']} {row['character']}\n  {row['caption']}")


if __name__ == "__main__":
    main()
