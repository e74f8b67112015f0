"""The manifest of a run and its summary for the person who ran it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from booruflow.core.files import open_whole, sha256_of
from booruflow.core.progress import progress


def describe(paths: Iterable[str], results: Path, counts: Mapping[str, int]) -> dict[str, dict[str, int | str]]:
    """Per artifact, named relative to `results`: size in bytes, sha256, and the count of entries where one is known.

    The digest of a tar is taken from its index.
    """
    described: dict[str, dict[str, int | str]] = {}
    listed = sorted(paths)
    with progress(sum(Path(path).stat().st_size for path in listed), "manifest", "B") as bar:
        for path in listed:
            name = Path(path).relative_to(results).as_posix()
            size = Path(path).stat().st_size
            if path.endswith(".tar"):
                digest = orjson.loads(Path(path).with_suffix(".json").read_bytes())["hash_lfs"]
            else:
                digest = sha256_of(path)
            described[name] = {"size": size, "sha256": digest, **({"entries": counts[name]} if name in counts else {})}
            bar.update(size)
    return described


def write_manifest(path: str | Path, summary: Mapping[str, int], artifacts: Mapping[str, Mapping[str, int | str]]) -> None:
    """Write manifest.json: the summary's counts, then one artifact a line."""
    lines = [b"%s:%s" % (orjson.dumps(name), orjson.dumps(entry)) for name, entry in artifacts.items()]
    with open_whole(path) as file:
        file.write(b'{"summary":%s,\n"artifacts":{\n' % orjson.dumps(summary))
        file.write(b",\n".join(lines) + b"\n}}\n")


def print_summary(path: str | Path) -> None:
    """Print the summary of a manifest; nothing when there is none, as after building a single target."""
    if not Path(path).exists():
        return
    summary: dict[str, int] = orjson.loads(Path(path).read_bytes())["summary"]
    width = max(map(len, summary))
    lines = [f"  {name.replace('_', ' '):{width}}  {count:>12,}" for name, count in summary.items()]
    print("\n".join([f"Data set in {Path(path).parent}/", *lines]))
