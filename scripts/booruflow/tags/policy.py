"""The tag policy of a data set: the config section tags on top of the policy files that it names.

A policy file is YAML with the keys of that section. Shipped ones are in policies/, named without folder and extension; `plain`
comes before all others. Snakemake imports this module whenever it starts, so it must not import polars or pyarrow.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from booruflow.core.config import Tree, check_config, read_yaml
from booruflow.core.errors import UserError

BASE = "plain"
"""The policy that all others build on."""

CATEGORIES = ("artist", "character", "copyright", "general", "meta")

WORDS = ("rating", "year", "eras", "orientation", "sizes")
"""Keys that make tags, beside quality.words."""

MADE = {"rating": "rating", "year": "year", "quality": "quality.words", "size": "orientation"}
"""Parts of made tags, each with the key that gives its words."""


def tag_policy(section: Tree, schema: Tree, shipped: Path) -> Tree:
    """The keys of the section with the values of the policies where it sets none; `policies` itself is left out.

    A list adds to those before it, `rename` and `templates` as well; any other value replaces the one before.

    Args:
        section: the config section tags.
        schema: of that section.
        shipped: the folder of the policies that come with the code.

    Raises:
        UserError: a policy file is missing or breaks the schema, or the keys contradict each other; one line each.
    """
    names = [BASE, *(name for name in section["policies"] if name != BASE)]
    layers = [(path, _read(path, schema)) for path in (_path(name, shipped) for name in names)]
    policy: Tree = {}
    for _, layer in [*layers, ("config.yaml", section)]:
        _put(policy, layer, schema)
    policy.pop("policies")
    if errors := [*_name_errors(section), *_text_errors(policy), *_limit_errors(policy), *_contradictions(policy)]:
        raise UserError("\n".join(f"config.yaml: tags.{line}" for line in errors))
    return policy


def own_entries(section: Tree, schema: Tree, shipped: Path) -> dict[str, list[str]]:
    """The entries of drop, keep and rename that a user has written, by file and key; those of shipped policies are left out."""
    files = [path for path in (_path(name, shipped) for name in section["policies"]) if path.parent != shipped]
    layers = [("config.yaml: tags.", section), *((f"{path}: ", _read(path, schema)) for path in files)]
    return {f"{place}{key}": list(layer[key]) for place, layer in layers for key in ("drop", "keep", "rename")}


def is_plain(policy: Tree) -> bool:
    """Whether the policy only orders and separates the tags, which the tags JSON does without tags.parquet."""
    acts = ("escape_brackets", "templates", "drop", "rename", "aliases", "drop_less_specific", *WORDS)
    return (
        set(policy["order"]) <= set(CATEGORIES)
        and (policy["underscores"], policy["implied"]) == ("keep", "keep")
        and not any(policy[key] for key in acts)
        and not policy["quality"]["words"]
    )


def made_columns(policy: Mapping[str, Any]) -> dict[str, str]:
    """The columns of posts that made tags are read from beside the rating, each with the key in the config that needs it."""
    needed: dict[str, str] = {}
    if policy["quality"]["words"]:
        needed[policy["quality"]["by"]] = "quality.by"
    if policy["orientation"] or policy["sizes"]:
        key = "orientation" if policy["orientation"] else "sizes"
        needed.update({"image_width": key, "image_height": key})
    if policy["year"] or policy["eras"]:
        needed["created_at"] = "year" if policy["year"] else "eras"
    return needed


def column_errors(policy: Mapping[str, Any], known: Collection[str], reason: str) -> Iterator[str]:
    """One line for each column that made tags need and that is not among those `known`."""
    needed = made_columns(policy) | ({"rating": "rating"} if policy["rating"] else {})
    for name, key in needed.items():
        if name not in known:
            remedy = f"name the column in inputs.columns.{name}"
            remedy += ", or set tags.quality.by to score" if name == "fav_count" else ""
            yield f"config.yaml: tags.{key}: no post has a {name}, as {reason}: {remedy}, or take the words away"


def _path(name: str, shipped: Path) -> Path:
    if "/" in name or "\\" in name or name.endswith((".yaml", ".yml")):
        return Path(name)
    known = sorted(path.stem for path in shipped.glob("*.yaml"))
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]}?" if nearest else f"shipped are {', '.join(known)};"
        raise UserError(f"config.yaml: tags.policies: no policy {name}; {hint} name a file of your own with its extension .yaml")
    return shipped / f"{name}.yaml"


def _read(path: Path, schema: Tree) -> Tree:
    layer = read_yaml(path) or {}
    if isinstance(layer, dict) and layer.keys() == {"tags"}:
        raise UserError(f"{path}: tags: the keys of the section stand without its name: leave this line out")
    if not isinstance(layer, dict) or "policies" in layer:
        raise UserError(f"{path}: not the keys of the config section tags, without policies: see policies/ for examples")
    filled = check_config(layer, schema, str(path))
    if errors := list(_name_errors(filled)):
        raise UserError("\n".join(f"{path}: {line}" for line in errors))
    return filled


def _name_errors(layer: Tree) -> Iterator[str]:
    """One line for each name or pattern that can be no tag of a booru."""
    entries = [(key, entry) for key in ("drop", "keep") for entry in layer[key]]
    entries += [("rename", name) for pair in layer["rename"].items() for name in pair]
    for key, entry in entries:
        if re.search(r"\s", entry):
            yield f"{key}: {entry!r} has white space: write the tag as the booru does, such as red_hair"


def _text_errors(policy: Tree) -> Iterator[str]:
    """One line for each text that would break the line of tags."""
    texts = {key: [policy[key]] for key in ("separator", "divider", "year")}
    texts |= {key: [*policy[key].values()] for key in ("templates", "rating", "orientation")}
    texts |= {key: [*policy[key]] for key in ("eras", "sizes")} | {"quality.words": [*policy["quality"]["words"]]}
    for key, values in texts.items():
        for text in values:
            if text and not text.isprintable():
                yield f"{key}: {text!r} has a line break, tab or other control character: the tags of a post are one line"


def _limit_errors(policy: Tree) -> Iterator[str]:
    """One line for each two words with the same limit, of which one would never be written."""
    for key, words in (("eras", policy["eras"]), ("sizes", policy["sizes"]), ("quality.words", policy["quality"]["words"])):
        first: dict[float, str] = {}
        for word, limit in words.items():
            if first.setdefault(limit, word) != word:
                yield f"{key}: {first[limit]!r} and {word!r} both begin at {limit}: change one of them"
    percentiles = policy["quality"]["words"].values()
    if any(0 < limit < 1 for limit in percentiles) and max(percentiles) <= 1:
        yield "quality.words: percentiles go from 0 to 100: write 90 for what is above nine tenths of the posts"


def _put(policy: Tree, layer: Mapping[str, Any], schema: Tree) -> None:
    """Put the values of a layer over those of the layers before it."""
    for key, part in schema["properties"].items():
        value = layer.get(key)
        if "properties" in part:
            _put(policy.setdefault(key, {}), value or {}, part)
        elif part.get("type") == "array":
            policy[key] = list(dict.fromkeys([*policy.get(key, []), *(value or [])]))
        elif key in ("rename", "templates"):
            policy[key] = policy.get(key, {}) | (value or {})
        elif value or isinstance(value, (bool, int)) or key not in policy:
            policy[key] = value


def _contradictions(policy: Tree) -> Iterator[str]:
    order = policy["order"]
    for part, key in MADE.items():
        words = policy["quality"]["words"] if part == "quality" else policy[key]
        if part == "year":
            words = policy["year"] or policy["eras"]
        if part == "size":
            words = policy["orientation"] or policy["sizes"]
        if part in order and not words:
            yield f"order: {part} has no words: set tags.{key}, or take it out of the order"
    if "divider" in order and not policy["divider"]:
        yield "order: divider has no text: set tags.divider, such as '|||', or take it out of the order"
    if order.count("divider") and order[0] == "divider":
        yield "order: divider stands before all tags: put it behind the part that it ends"
    if policy["divider"] and "divider" not in order:
        yield f"divider: {policy['divider']!r} has no place: add divider to tags.order, or remove the text"
    for category, template in policy["templates"].items():
        if template.count("{}") != 1:
            yield f"templates.{category}: {template!r} has no place for the tag, or several: write {{}} once, such as 'by {{}}'"
    for name, target in policy["rename"].items():
        category, colon, rest = target.partition(":")
        if colon and rest and category in CATEGORIES:
            yield f"rename: {target!r}: a tag stays in its category: write {rest!r}"
        if name in policy["drop"]:
            yield f"rename: {name} is also in drop: remove one of them"
    if policy["implied"] != "keep" and not policy["implications"]:
        yield f"implied: {policy['implied']} needs a table: name it under tags.implications"
    if policy["implications"] and policy["implied"] == "keep":
        yield "implications: not used while tags.implied is keep: set add or remove"
    for key in ("aliases", "implications"):
        yield from (f"{key}: {path}: no such file: correct the path" for path in policy[key] if not Path(path).exists())
