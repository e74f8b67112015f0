"""Form diffusion-pipe: captions.json beside images and tars of images, which it reads in place.

diffusion-pipe takes every file of the folder but .txt, .npz, .json, .parquet, .bak and .db for an image, members of tars under
their whole names, and trains each caption of the list (utils/dataset.py, `DirectoryDataset`).
"""

from collections.abc import Iterator
from pathlib import Path

import orjson
import polars as pl

from booruflow.core.files import writing
from booruflow.core.idjson import write_lines
from booruflow.core.streams import Stream
from booruflow.exports.interface import DATA, Export, Form, require_plain
from booruflow.exports.toml import toml_text
from booruflow.products.file_list import LINK, Listed
from booruflow.sources.images.listing import below_folder
from booruflow.sources.images.tars import tar_members


class DiffusionPipe(Form):
    """For diffusion-pipe."""

    several = "list"
    draws = False
    reads_tars = True

    def write(self, export: Export, rows: Stream) -> None:
        """Link the tars, and write the captions."""
        tars = _Tars(export)

        def lines() -> Iterator[pl.Series]:
            for frame in rows:
                columns = frame.select("file", "texts", "folder", "tar", "name").iter_rows()
                lines = [
                    orjson.dumps(file or tars.member(f"{folder}/{tar}", name)) + b": " + orjson.dumps(texts) + b",\n"
                    for file, texts, folder, tar, name in columns
                ]
                yield pl.Series([line.decode() for line in lines], dtype=pl.String)

        with export.open(f"{DATA}/captions.json") as file:
            write_lines(file, lines())

    def usage(self, export: Export) -> str:
        """The dataset config."""
        with export.open("dataset.toml") as file:
            directory = {"path": export.data_path.removesuffix("/"), "num_repeats": 1}
            options = {"resolutions": [1024], "enable_ar_bucket": True, "skip_empty_caption": True}
            file.write(toml_text({**options, "directory": [directory]}))
        return f"""diffusion-pipe: `dataset = '{export.data_path.removesuffix("data/")}dataset.toml'` in the config of the run,
after setting the resolutions there.

- Each caption of an image is trained: an epoch has as many steps as there are captions.
- Images in a tar that have no text here are skipped (`skip_empty_caption`), and named in its output.
- Put nothing else into `data/`: every file there counts as an image.
"""


class _Tars:
    """The tars that are linked, each when its first image comes."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._names: set[str] = set()
        self._other_names: dict[str, dict[str, str]] = {}
        """By tar, the names of members that are not as in images.parquet, such as ./1.png for 1.png."""

    def member(self, tar: str, name: str) -> str:
        """The name of a member in its tar."""
        if tar not in self._other_names:
            self._link(tar)
            members = {below_folder(member): member for member in tar_members(Path(tar))}
            self._other_names[tar] = {name: member for name, member in members.items() if name != member}
        return self._other_names[tar].get(name, name)

    def _link(self, tar: str) -> None:
        """Link a tar under its name; of several tars of one name, the later ones get a number."""
        name, number = Path(tar).name, 1
        while name in self._names:
            number += 1
            name = f"{Path(tar).stem}_{number}.tar"
        self._names.add(name)
        target, link = str(Path(tar).absolute()), self._export.folder / DATA / name
        require_plain(pl.Series([target]))
        with writing(link):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        self._export.add(Listed(0, LINK + target, f"{DATA}/{name}"))
