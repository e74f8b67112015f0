"""The pool of cheesechaser on a local folder instead of the hub."""

from pathlib import Path
from typing import Any

import pytest


def local_pool(folder: Path, base_dir: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An `IncrementIDDataPool` that finds the tars `<folder>/<base_dir>/0<id % 1000>.tar` through their indexes."""
    base = pytest.importorskip("cheesechaser.datapool.base", reason="cheesechaser is not installed")
    index = pytest.importorskip("hfutils.index")

    def fetch(archive_in_repo: str, file_in_archive: str, local_file: str, **_: object) -> None:
        index.tar_file_download(str(folder / archive_in_repo), file_in_archive, local_file)

    monkeypatch.setattr(
        base, "hf_tar_list_files", lambda archive_in_repo, **_: index.tar_list_files(str(folder / archive_in_repo))
    )
    monkeypatch.setattr(base, "hf_tar_file_download", fetch)
    return base.IncrementIDDataPool("owner/name", base_dir=base_dir)
