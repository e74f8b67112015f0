"""The generation behind a caption: the model's answer, how it was made, and the prompt."""

from collections.abc import Mapping
from typing import Any

from booruflow.captioning.backends.registry import open_backends
from booruflow.captioning.planning import row_prompt
from booruflow.captioning.prompts.known import Known
from booruflow.captioning.prompts.traits import read_traits
from booruflow.core.files import read_json
from booruflow.review.model import Record
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.products import Products

TRAITS = "results/traits/characters.parquet"


def record_of(products: Products, post: int, shard: int) -> Record | None:
    """The generation of a post of a shard; None if there is none."""
    raw = products.raw(post, shard)
    if raw is None:
        return None
    by_fallback = bool(raw.get("fallback"))
    name = f"results/captions/stats_{shard}.json"
    passes = products.tried(name, lambda: read_json(products.path(name))) or []
    identity = dict(passes[-1 if by_fallback else 0]["identity"]) if passes else {}
    return Record(
        text=str(raw.get("text", "")),
        finish_reason=str(raw.get("finish_reason", "")),
        seconds=raw.get("seconds"),
        prompt_tokens=raw.get("prompt_tokens"),
        completion_tokens=raw.get("completion_tokens"),
        backend=str(identity.pop("backend", "")),
        model=str(identity.pop("model", "")),
        settings=identity,
        prompt=_prompt(products, post, shard, by_fallback),
    )


def _prompt(products: Products, post: int, shard: int, by_fallback: bool) -> str:
    """The prompt of a post as the present config asks it; "" if its row is not there."""
    captioner, name = products.settings.captioner, f"results/missing/split_{shard}.parquet"
    row = SortedTable(products.path(name)).row(post)
    if row is None:
        return ""
    backend = open_backends(captioner)[-1 if by_fallback else 0]
    prompt = products.tried(name, lambda: row_prompt(row, captioner, backend, _known(products, post, captioner)))
    return "\n\n".join(part for part in prompt or () if part)


def _known(products: Products, post: int, captioner: Mapping[str, Any]) -> Known:
    grounding, info = captioner["grounding"], captioner["info"]
    texts = products.entries(info, [post]) if info and "info" in grounding else {}
    traits = products.path(TRAITS)
    return Known(
        read_traits(str(traits)) if "traits" in grounding and traits.exists() else {},
        {id_: str(entry["caption"]) for id_, entry in texts.items()},
    )
