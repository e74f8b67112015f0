"""Form webdataset: images and texts in tars by `id % count`, each tar with an index.

The members of a post are adjacent and of the same kinds in every post: `<id>.<ext>`, `<id>.txt` (a line each text) and
`<id>.json` (id, texts, size). So `webdataset` and `datasets` group them; the latter compares the first five records of the first
tar, so there is none without members. Images have one extension, since it names the field: their own if all have the same, else
jpg; readers go by the content. The index beside a tar is that of hfutils, with `width`, `height` and `captions` of each image as
webshart reads them (bghira/webshart, src/metadata.rs).
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl

from booruflow.core.files import sync_folder, writing
from booruflow.core.progress import progress
from booruflow.core.streams import Stream, parallel_map
from booruflow.exports.forms.record_tars import Record, record_key, write_record_tar
from booruflow.exports.images import SOURCE_COLUMNS, How, Source
from booruflow.exports.interface import DATA, Export, Form
from booruflow.exports.ledger import Written
from booruflow.products.file_list import Listed
from booruflow.products.tar_index import index_path
from booruflow.products.tars import tar_name
from booruflow.sources.images.listing import IMAGE_PATH

_GROUPS = 64
"""Groups of tars; the rows of one group are in memory at a time."""

_COLUMNS = (*SOURCE_COLUMNS, "texts")


class WebDataset(Form):
    """For webdataset, `datasets`, SimpleTuner through webshart, and the Hub."""

    several = "list"
    writes_images = False

    def write(self, export: Export, rows: Stream) -> None:
        """Write the tars."""
        count, how = export.settings["tars"], How(export.settings["images"], export.settings["encode"])
        spool = export.folder / ".spool"
        part = export.folder / DATA / ".part"
        try:
            for folder in (spool, part):
                with writing(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir(parents=True)
            extensions = _partition(rows, spool, count, how)
            extension = extensions.pop() if len(extensions) == 1 else "jpg"
            with progress(count, f"export {export.name}: tars", "tars") as bar:
                write = partial(_write_tar, export, part, how, extension, count)
                for written, is_new in parallel_map(write, _by_tar(spool, count), export.threads):
                    tar = export.folder / written.path
                    if is_new:
                        for path in (index_path(tar), tar):
                            with writing(path):
                                (part / path.name).replace(path)
                        status = tar.stat()
                        export.ledger.add([written._replace(size=status.st_size, time=status.st_mtime_ns)])
                    export.add(Listed(written.size, written.sha256, written.path))
                    export.add_file(f"{DATA}/{index_path(tar).name}")
                    bar.update(1)
            sync_folder(export.folder / DATA)
        finally:
            for folder in (spool, part):
                shutil.rmtree(folder, ignore_errors=True)

    def usage(self, export: Export) -> str:
        """How to open it."""
        folder = export.data_path.removesuffix("/data/")
        single = ", cheesechaser finds single images by it" if export.settings["tars"] == 1000 else ""
        return f"""```python
datasets.load_dataset("{folder}", split="train")
webdataset.WebDataset(sorted(glob.glob("{export.data_path}*.tar"))).decode("pil")
```

The first also with the name of the repository after an upload of this folder. A record has the image, `txt` (a line each text)
and `json` (`texts`, a list). Images of several formats are all called `.jpg`: readers go by the content. Each `.json` beside a
tar is its index, with sizes and captions: SimpleTuner reads it with `"type": "webshart"`{single}.
"""


def _partition(rows: Stream, spool: Path, count: int, how: How) -> set[str]:
    """Divide rows into files by groups of tars; return the extensions of the images."""
    extensions: set[str] = set()
    for number, frame in enumerate(rows):
        frame = frame.with_columns(path=IMAGE_PATH).select(_COLUMNS)
        extensions |= {how.extension(name) for name in frame["name"]}
        group = (pl.col("id") % count * min(count, _GROUPS) // count).alias("group")
        for (key,), part in frame.with_columns(group).partition_by("group", as_dict=True, include_key=False).items():
            file = spool / f"{key}_{number:06d}.arrow"
            with writing(file):
                part.write_ipc(file)
    return extensions


def _by_tar(spool: Path, count: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Each tar's number and its rows by id; tars without any are left out."""
    for group in range(min(count, _GROUPS)):
        files = sorted(spool.glob(f"{group}_*.arrow"))
        if files:
            frame = pl.concat([pl.read_ipc(file) for file in files]).with_columns(tar=pl.col("id") % count)
            for (number,), rows in sorted(frame.sort("id").partition_by("tar", as_dict=True).items()):
                yield int(number), rows


def _write_tar(
    export: Export, part: Path, how: How, extension: str, count: int, tar: tuple[int, pl.DataFrame]
) -> tuple[Written, bool]:
    """Write one tar into the folder `part`, unless it is there already; return what it is and whether it is new."""
    number, rows = tar
    path = f"{DATA}/{tar_name(number, count)}"
    records = [Record(Source(*image), texts) for *image, texts in rows.select(_COLUMNS).iter_rows()]
    key = record_key(records, how, extension)
    if (index_path(export.folder / path)).exists() and (written := export.ledger.find(path, key, f"{export.folder}/{path}")):
        return written, False
    file = part / tar_name(number, count)
    size, sha256 = write_record_tar(file, records, how, extension)
    return Written(key, size, 0, 0, 0, sha256, path), True
