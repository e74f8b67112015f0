"""The target verify: is every product as it was built, byte for byte, and do the consistency checks hold?"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import sha256_of, writing
from booruflow.core.jobs import WARNING
from booruflow.core.progress import progress
from booruflow.core.streams import Stream
from booruflow.products.built import DAMAGED, Records, add_records, changes, read_records, state_of
from booruflow.products.checks.captions import check_merged, check_shard_files
from booruflow.products.checks.exports import check_exports, summary_of
from booruflow.products.file_list import LEDGER, first_changed, is_file_list
from booruflow.products.manifest import ENTRIES, leftovers, manifest_text, unlisted
from booruflow.products.summary import read_manifest

EDITS = "captions/edits.json"


Texts = Callable[[Mapping[str, Any]], Stream]
"""Reads the texts of all posts, made as the manifest says in `text`."""


def verify(results: Path, records_file: Path, threads: int, texts: Texts | None = None) -> None:
    """Compare all products with the manifest; those that are not in it with the records of their jobs; then run all checks.

    Prints a line for each product that is missing, cut, changed or left over, and notes it, so that the next run of Snakemake
    builds it again.

    Args:
        results: the folder of the products.
        records_file: the records of their jobs.
        threads: for digests.
        texts: needed where the manifest has `text`.

    Raises:
        UserError: not everything is as it was built.
    """
    path = results / "manifest.json"
    if not path.exists():
        raise UserError(f"{path}: not there: build the data set with `snakemake` first")
    records = read_records(records_file)
    try:
        manifest = read_manifest(path)
    except UserError:
        _report({str(path): "damaged, or of an earlier version"}, path, records_file)
        return
    artifacts = manifest["artifacts"]
    problems = _changed_artifacts(results, artifacts, records, threads)
    problems |= _changed_others(results, artifacts, records)
    problems |= {f"{results}/{name}": "left over from an earlier setting" for name in leftovers(results, artifacts)}
    _report(problems or _failed_checks(results, manifest, texts), path, records_file)
    print(f"{len(artifacts)} products are as they were built")


def _changed_artifacts(results: Path, artifacts: Mapping[str, Any], records: Records, threads: int) -> dict[str, str]:
    """What is wrong with each product of the manifest; nothing for those that are right."""
    manifest_time = records.get(f"{results}/manifest.json", DAMAGED).time

    def problem(name: str) -> str | None:
        path, entry = f"{results}/{name}", artifacts[name]
        state = state_of(path)
        if not state:
            return "missing"
        bar.update(state.size)
        if state.size == entry["size"] and sha256_of(path) == entry["sha256"]:
            return _changed_export(path) if is_file_list(path) else None
        if (built := records.get(path)) and state[:2] == built[:2] and built.time > manifest_time:
            return "built again after the manifest"
        return "cut" if state.size < entry["size"] else "changed"

    with progress(sum(entry["size"] for entry in artifacts.values()), "verify", "B") as bar, ThreadPoolExecutor(threads) as pool:
        found = zip(artifacts, pool.map(problem, artifacts), strict=True)
        return {f"{results}/{name}": text for name, text in found if text}


def _changed_export(file_list: str) -> str | None:
    """What is wrong with the files of an export. Its job would keep files of the right size: it is made to write all again."""
    problem = first_changed(file_list, content=True)
    if problem:
        with writing(file_list):
            Path(file_list).with_name(LEDGER).unlink(missing_ok=True)
    return problem and f"lists {problem}"


def _changed_others(results: Path, names: Iterable[str], records: Records) -> dict[str, str]:
    """What is wrong with products that are not in the manifest, as far as their jobs recorded them."""
    listed = {f"{results}/{name}" for name in names}
    expected = {f"{results}/{name}" for name in unlisted(names)}
    # where a run has made them
    expected |= {path for path in records if path.startswith(f"{results}/changes/")}
    problems = {path: "missing" for path in expected if not state_of(path)}
    for path in filter(state_of, records.keys() - listed):
        if sha256 := records[path].sha256:
            problems |= {path: "changed"} if sha256_of(path) != sha256 else {}
        else:
            problems |= changes([path], records, f"{results}/manifest.json")[0]
    return problems


def _failed_checks(results: Path, manifest: Mapping[str, Any], texts: Texts | None) -> dict[str, str]:
    """Run the consistency checks again, by the settings of the build; the manifest must hold their counts."""
    names, settings = manifest["artifacts"], {name: manifest[name] for name in ("image_name", "text") if name in manifest}
    if "text" in settings and "line" not in settings["text"]:
        return {f"{results}/manifest.json": "of an earlier version"}
    numbers = sorted(int(name[len("captions/good_") : -len(".json")]) for name in names if name.startswith("captions/good_"))

    def shards(pattern: str) -> list[str]:
        return [f"{results}/{pattern.format(number)}" for number in numbers]

    files = SimpleNamespace(
        posts=f"{results}/posts/posts.parquet",
        tags=f"{results}/tags/meta_cap_dd.json",
        base=f"{results}/captions/meta_cap_base.json",
        missing_before=f"{results}/missing/missing.json",
        shards=[f"{results}/{name}" for name in names if re.fullmatch(r"missing/split_\d+\.parquet", name)],
        splits=shards("missing/split_{}.parquet"),
        good=shards("captions/good_{}.json"),
        bad=shards("captions/bad_{}.json"),
        skipped=shards("captions/skipped_{}.json"),
        failed=shards("captions/failed_{}.json"),
        fixed=shards("captions/fixed_{}.json"),
        edits=[f"{results}/{EDITS}"] if EDITS in names else [],
        captions=f"{results}/meta_cap.json",
        lat=f"{results}/meta_lat.json",
        missing=f"{results}/missing_final.json",
        caption_tars=f"{results}/tars/captions/0000.tar",
        tag_tars=f"{results}/tars/tags/0000.tar",
    )
    tars = sum(name.startswith("tars/captions/") and name.endswith(".tar") for name in names)
    try:
        captions = check_merged(files, check_shard_files(files), files.captions)
        made = texts(settings["text"]) if texts and "text" in settings else None
        summary = summary_of(captions, check_exports(files, tars, settings["image_name"], made))
    except UserError as error:
        return {str(results): str(error)}
    artifacts = {name: entry | {"entries": summary[ENTRIES[name]]} if name in ENTRIES else entry for name, entry in names.items()}
    if manifest_text(summary, artifacts, settings) != (results / "manifest.json").read_bytes():
        return {f"{results}/manifest.json": "changed"}
    return {}


def _report(problems: Mapping[str, str], manifest: Path, records_file: Path) -> None:
    """Name the problems, and have the next run build these products and the manifest again."""
    if not problems:
        return
    for path, problem in sorted(problems.items()):
        sys.stderr.write(f"{WARNING}{path}: {problem}\n")
    add_records(records_file, dict.fromkeys([*filter(state_of, problems), str(manifest)], DAMAGED))
    raise UserError(f"{counted_noun(len(problems), 'product')} not as built: run `snakemake`, which builds what differs again")
