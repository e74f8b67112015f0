"""The manifest of a run: the size, digest and entry count of each product, after the counts of the consistency checks."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from booruflow.core.files import open_whole, sha256_of
from booruflow.core.progress import progress
from booruflow.products.tar_index import read_index


def describe_artifacts(paths: Iterable[str], results: Path, counts: Mapping[str, int]) -> dict[str, dict[str, int | str]]:
    """Size in bytes, sha256 and, where `counts` has it, the number of entries of each artifact, by its path below `results`.

    The digest of a tar is taken from its index.
    """
    artifacts: dict[str, dict[str, int | str]] = {}
    files = {path: Path(path).stat().st_size for path in sorted(paths)}
    with progress(sum(files.values()), "manifest", "B") as bar:
        for path, size in files.items():
            name = Path(path).relative_to(results).as_posix()
            digest = read_index(Path(path))["hash_lfs"] if path.endswith(".tar") else sha256_of(path)
            artifacts[name] = {"size": size, "sha256": digest, **({"entries": counts[name]} if name in counts else {})}
            bar.update(size)
    return artifacts


def write_manifest(path: str | Path, summary: Mapping[str, int], artifacts: Mapping[str, Mapping[str, int | str]]) -> None:
    """Write manifest.json: the summary's counts, then one artifact a line."""
    lines = [b"%s:%s" % (orjson.dumps(name), orjson.dumps(entry)) for name, entry in artifacts.items()]
    with open_whole(path) as file:
        file.write(b'{"summary":%s,\n"artifacts":{\n' % orjson.dumps(summary))
        file.write(b",\n".join(lines) + b"\n}}\n")
