"""The counts of a run: those of the checks of captions in a file, and all in the manifest and on the console at its end.

Loaded by Snakemake's own process, so it imports no data libraries.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from booruflow.core.errors import UserError
from booruflow.core.files import open_input, open_whole, read_json

LABELS = {
    "posts": "posts",
    "base_captions": "with an existing caption",
    "to_caption": "to be captioned",
    "good": "  caption generated",
    "bad": "  answer bad",
    "skipped": "  skipped: no image that can be read, or no metadata",
    "failed": "  request failed",
    "fixed": "edited by a person",
    **{
        f"edited_{replaced}": f"  {place}"
        for replaced, place in {
            "base": "in place of an existing caption",
            "generated": "in place of a generated caption",
            "bad": "in place of a bad answer",
            "skipped": "of skipped posts",
            "failed": "of posts whose request failed",
            "nothing": "of posts that nothing else captions",
        }.items()
    },
    "replaced_by_a_later_source": "captions that an edit replaced",
    "tags_only": "tags alone by choice of a person",
    "captions": "captions",
    "without_caption": "posts without a caption",
    "for_the_trainer": "entries for training",
    "of_these_tags_alone": "  with tags alone",
    "left_out": "left out of training, see missing_final.json",
}
"""The counts of a summary in words, in its order; those that are part of the one above them are indented."""


def write_counts(path: str | Path, counts: Mapping[str, int]) -> None:
    """Write counts by name as JSON."""
    with open_whole(path) as file:
        file.write(json.dumps(counts, indent=1).encode() + b"\n")


def read_counts(path: str | Path) -> dict[str, int]:
    """The counts in a file of `write_counts`.

    Raises:
        UserError: it is missing or damaged.
    """
    counts = read_json(path)
    if isinstance(counts, dict) and all(type(count) is int for count in counts.values()):
        return counts
    raise UserError(f"{path}: damaged: delete it and run `snakemake`, which builds it again")


def with_digest(fields: bytes) -> bytes:
    """A JSON object with the sha256 of its text, up to there, as last member; `fields` is that text."""
    return fields + b'"sha256":"%s"}\n' % hashlib.sha256(fields).hexdigest().encode()


def read_manifest(path: str | Path) -> dict[str, Any]:
    """A manifest as it was written, see `booruflow.products.manifest.manifest_text`.

    Raises:
        UserError: it is missing or damaged, or was changed by hand.
    """
    remedy = "delete it and run `snakemake`, which builds it again"
    with open_input(path, remedy) as file:
        text = file.read()
    if text != with_digest(text.rpartition(b'"sha256":')[0]):
        raise UserError(f"{path}: damaged, or of an earlier version: {remedy}")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def print_summary(path: str | Path) -> None:
    """Print the counts in a manifest."""
    summary: dict[str, int] = read_manifest(path)["summary"]
    labels = {name: LABELS.get(name, name.replace("_", " ")) for name in summary}
    width = max(map(len, labels.values()))
    lines = [f"  {labels[name]:{width}}  {count:>12,}" for name, count in summary.items()]
    print("\n".join([f"Data set in {Path(path).parent}/", *lines]))


def changes_line(counts: Mapping[str, int]) -> str:
    """The counts of the rule changes in one line, `20,000 new, 3 gone, ...`; empty if there was nothing to compare with."""
    changes = [f"{count:,} {name}" for name, count in counts.items() if not name.startswith("posts")]
    return ", ".join(changes) if counts.get("posts_before") else ""


def print_changes(path: str | Path) -> None:
    """Print one line of the counts of the rule changes, if their file exists: targets other than all do not make it."""
    if Path(path).exists() and (line := changes_line(read_counts(path))):
        print(f"Last change of the posts: {line} (see {Path(path).with_name('changes.txt')})")
