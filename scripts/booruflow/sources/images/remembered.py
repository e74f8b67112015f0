"""The results of earlier inspections of images, in a file that outlives the products.

The file is only appended to, so that a killed run loses nothing. A record has 24 bytes: the key (16 bytes, a digest), the width
and the height in pixels (int32, little-endian). Nothing is lost with the file but time. Images with a problem are not in it.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from booruflow.core.files import writing

Keys = np.ndarray[Any, np.dtype[np.bytes_]]
"""Keys, dtype S16."""
Sizes = np.ndarray[Any, np.dtype[np.int32]]
"""Width and height of n images, shape (n, 2)."""

_RECORD = np.dtype([("key", "S16"), ("size", "<i4", 2)])


class Remembered:
    """Sizes by key; use it as a context manager. Uses about 50 bytes of memory a record."""

    def __init__(self, path: str | Path) -> None:
        """Read the file, if there is one, and open it for appending.

        Raises:
            UserError: the file cannot be read or written.
        """
        self._path = Path(path)
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(self._file.tell() // _RECORD.itemsize * _RECORD.itemsize)  # a record cut off by a kill
            records = np.fromfile(self._path, _RECORD)
        order = np.argsort(records["key"], kind="stable")
        self._keys, self._sizes = records["key"][order], records["size"][order]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def find(self, keys: Keys) -> Sizes:
        """The size of each key that was there at the start; 0 where it is unknown."""
        sizes = np.zeros((len(keys), 2), np.int32)
        if len(self._keys):
            places = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
            known = self._keys[places] == keys
            sizes[known] = self._sizes[places[known]]
        return sizes

    def add(self, keys: Keys, sizes: Sizes) -> None:
        """Append results to the file, for later runs.

        Raises:
            UserError: the disk is full or unavailable.
        """
        records = np.empty(len(keys), _RECORD)
        records["key"], records["size"] = keys, sizes
        with writing(self._path):
            self._file.write(records.tobytes())
