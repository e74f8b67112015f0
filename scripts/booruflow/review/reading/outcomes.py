"""What became of the captions of some posts: the sources in the order in which meta_cap takes them, the last one first."""

from collections.abc import Collection, Iterator

from booruflow.review.model import Origin, Outcome
from booruflow.review.reading.products import Products

BASE = "results/captions/meta_cap_base.json"
WITHOUT = {"bad": Origin.BAD, "skipped": Origin.SKIPPED, "failed": Origin.FAILED}


def outcomes_of(products: Products, ids: Collection[int]) -> dict[int, Outcome]:
    """The outcome of each of the ids."""
    found: dict[int, Outcome] = {}
    for outcome in all_outcomes(products, ids):
        for post, each in outcome.items():
            found.setdefault(post, each)
    return {post: found.get(post, Outcome(Origin.NOTHING)) for post in ids}


def all_outcomes(products: Products, ids: Collection[int]) -> Iterator[dict[int, Outcome]]:
    """The outcomes in each source, the source that counts most first."""
    yield {
        post: Outcome(Origin.EDITED if entry["caption"] else Origin.TAGS_ONLY, file, entry["caption"])
        for post, (file, entry) in products.shard_entries("fixed", ids).items()
    }
    yield {
        post: Outcome(Origin.FALLBACK if entry.get("fallback") else Origin.GENERATED, file, str(entry.get("caption", "")))
        for post, (file, entry) in products.shard_entries("good", ids).items()
    }
    yield {post: Outcome(Origin.BASE, BASE, str(entry.get("caption", ""))) for post, entry in products.entries(BASE, ids).items()}
    for kind, origin in WITHOUT.items():
        yield {
            post: Outcome(origin, file, "", str(entry.get("reason", "")), _detail(entry))
            for post, (file, entry) in products.shard_entries(kind, ids).items()
        }


def _detail(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    return str(entry["detail"]) if "detail" in entry else f"attempts: {entry['attempts']}" if "attempts" in entry else ""
