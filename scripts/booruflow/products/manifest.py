"""The manifest of a run: the size, digest and entry count of each product, after the counts of the consistency checks.

What an earlier setting made and the manifest does not list (more shards, tars or sources, other subsets) is a leftover.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from booruflow.core.errors import counted_noun
from booruflow.core.files import open_whole, sha256_of, writing
from booruflow.core.progress import progress
from booruflow.products.file_list import FILE_LIST, is_file_list, remove_listed
from booruflow.products.summary import with_digest
from booruflow.products.tar_index import read_index

ENTRIES = {"captions/meta_cap_base.json": "base_captions", "meta_cap.json": "captions", "meta_lat.json": "for_the_trainer"}
"""The products whose number of entries is a count of the summary."""

_NUMBERED = re.compile(
    r"missing/split_\d+\.(json|parquet)|captions/([^/]+/)?[a-z]+_\d+\.jsonl?|converted/\w+\.parquet"
    r"|captions/counts_[^/]+\.json|meta_cap_[^/]+\.json|traits/characters\.parquet|exports/[^/]+/(README\.md|files\.tsv)"
    r"|(subsets/[^/]+/)?(tags/meta_cap_dd\.json|meta_cap\.json|texts\.json|meta_lat\.jsonl?|tars/(captions|tags)/\d{4}\.(tar|json))"
)
"""Products whose number or presence depends on the config."""
_GOOD = re.compile(r"(captions/(?:[^/]+/)?)good_(\d+\.json)")


def describe_artifacts(paths: Iterable[str], results: Path, summary: Mapping[str, int]) -> dict[str, dict[str, int | str]]:
    """Size in bytes, sha256 and, for those in ENTRIES, the number of entries of each artifact, by its path below `results`.

    The digest of a tar is taken from its index, which has been checked.
    """
    artifacts: dict[str, dict[str, int | str]] = {}
    files = {path: Path(path).stat().st_size for path in sorted(paths)}
    with progress(sum(files.values()), "manifest", "B") as bar:
        for path, size in files.items():
            name = Path(path).relative_to(results).as_posix()
            digest = read_index(Path(path))["hash_lfs"] if path.endswith(".tar") else sha256_of(path)
            entries = {"entries": summary[ENTRIES[name]]} if name in ENTRIES else {}
            artifacts[name] = {"size": size, "sha256": digest, **entries}
            bar.update(size)
    return artifacts


def manifest_text(
    summary: Mapping[str, int], artifacts: Mapping[str, Mapping[str, int | str]], settings: Mapping[str, Any]
) -> bytes:
    """The bytes of manifest.json: the summary's counts, settings that the checks need, and one artifact a line.

    The settings are `image_name` and, with text.variants, `text`: how texts are made. The last line is a digest of the others.
    """
    lines = [b"%s:%s" % (orjson.dumps(name), orjson.dumps(entry)) for name, entry in artifacts.items()]
    fields = b"".join(b'"%s":%s,\n' % (name.encode(), orjson.dumps(value)) for name, value in settings.items())
    return with_digest(b'{"summary":%s,\n%s"artifacts":{\n%s\n},\n' % (orjson.dumps(summary), fields, b",\n".join(lines)))


def write_manifest(
    path: str | Path,
    summary: Mapping[str, int],
    artifacts: Mapping[str, Mapping[str, int | str]],
    settings: Mapping[str, Any],
) -> None:
    """Write manifest.json."""
    with open_whole(path) as file:
        file.write(manifest_text(summary, artifacts, settings))


def unlisted(names: Iterable[str]) -> set[str]:
    """The raw outputs and statistics of the shards among `names`: no manifest lists them, since they differ from run to run."""
    goods = [found for name in names if (found := _GOOD.fullmatch(name))]
    return {f"{good[1]}raw_{good[2]}l" for good in goods} | {f"{good[1]}stats_{good[2]}" for good in goods}


def leftovers(results: Path, names: Collection[str]) -> list[str]:
    """The files below `results` that are named as products and are neither among `names` nor `unlisted`."""
    kept = {*names, *unlisted(names)}
    folders = [results / folder for folder in ("missing", "captions", "converted", "tags", "tars", "traits", "subsets")]
    exports = results / "exports"
    single = [
        results.glob("meta_cap_*.json"),
        results.glob("texts.json"),
        exports.glob("*/README.md"),
        exports.glob(f"*/{FILE_LIST}"),
    ]
    paths = chain(*single, *(folder.rglob("*") for folder in folders))
    found = (path.relative_to(results).as_posix() for path in paths if not path.is_dir())
    return sorted(name for name in found if _NUMBERED.fullmatch(name) and name not in kept)


def remove_leftovers(results: Path, names: Collection[str]) -> None:
    """Remove the leftovers, and the folders that held nothing else."""
    removed = leftovers(results, names)
    for name in filter(is_file_list, removed):
        remove_listed(results / name)
    for name in removed:
        with writing(results / name):
            (results / name).unlink()
    for folder in sorted({folder for name in removed for folder in (results / name).parents}, reverse=True):
        if folder.is_relative_to(results / "subsets") or folder.is_relative_to(results / "exports"):
            with suppress(OSError):  # it holds other files
                folder.rmdir()
    if removed:
        print(f"{counted_noun(len(removed), 'file')} of earlier settings removed, such as {results / removed[0]}")
