"""The texts of a post in the exports that are built, made of its parts as the rule `export` makes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.exports.forms.registry import FORMS
from booruflow.exports.settings import export_settings
from booruflow.review.model import Text
from booruflow.review.reading.posts_table import SortedTable
from booruflow.review.reading.products import Products
from booruflow.sources.posts import TAG_CATEGORIES
from booruflow.tags.policy import is_plain
from booruflow.texts.parts import COLUMNS, part_rows, post_parts
from booruflow.texts.templates import file_parts
from booruflow.texts.texts import with_texts


def export_texts(products: Products, post: int) -> Iterator[Text]:
    """The texts of a post in each export that has it: one for each different text."""
    for name in products.settings.config["exports"]:
        file = f"results/exports/{name}/"
        if products.path(file).is_dir():
            settings = export_settings(products.settings.config, name)
            for number, text in enumerate(_texts(products, post, settings), 1):
                yield Text(f"export {name}, text {number}", text, file)


def _texts(products: Products, post: int, settings: Mapping[str, Any]) -> list[str]:
    form, seed = FORMS[settings["form"]], products.settings.config["text"]["seed"]
    variants = [{"template": template} for template in form.templates] or settings["variants"]
    parts = _parts(products, post, settings["subset"])
    rows = with_texts(iter([parts] if len(parts) else []), variants, form.several, draws=False, seed=seed)
    return [text for frame in rows for texts in frame["texts"].to_list() for text in texts]


def _parts(products: Products, post: int, subset: str | None) -> pl.DataFrame:
    """The parts of a post; no row if it is not in the subset, has neither tags nor a caption, or a table is being rebuilt."""

    def entry(member: str, file: str) -> pl.DataFrame:
        found = products.entries(file, [post])
        values = [orjson.dumps({member: value[member]}).decode() for value in found.values()]
        return pl.DataFrame({"id": list(found), "value": values}, schema=ENTRY_SCHEMA)

    def row(file: str, columns: Sequence[str]) -> pl.DataFrame:
        table = SortedTable(products.path(file))
        found = table.rows(columns, table.place(post), 1)
        return found.filter(pl.col("id") == post) if {*columns} <= {*found.columns} else pl.DataFrame()

    policy = products.settings.tag_policy
    own = row("results/posts/posts.parquet", ["id", "rating", *TAG_CATEGORIES])
    made = [] if is_plain(policy) else [row("results/tags/tags.parquet", ["id", *COLUMNS.values()])]
    if not all(len(frame) for frame in (own, *made)):
        return pl.DataFrame()
    tag_parts = post_parts(iter([own]), iter(made) if made else None, policy)
    entries = [
        (name, member, iter([entry(member, file)]))
        for name, (member, file) in file_parts(products.settings.views, subset).items()
    ]
    return pl.concat(part_rows(tag_parts, entries))
