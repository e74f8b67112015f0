"""One export, written in one pass over its posts: images, texts, README and the list of files."""

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_whole, writing
from booruflow.core.progress import counted
from booruflow.core.streams import Stream
from booruflow.exports.forms.registry import FORMS
from booruflow.exports.images import How, listed, write_images
from booruflow.exports.interface import DATA, Export, Form, require_plain
from booruflow.exports.ledger import Ledger
from booruflow.exports.readme import readme_text
from booruflow.exports.rows import in_blocks
from booruflow.products.file_list import EARLIER, FILE_LIST, LEDGER, read_file_list
from booruflow.products.meta_lat import image_path
from booruflow.texts.texts import with_texts

BLOCK_ROWS, BLOCK_ROWS_ENCODED = 16_384, 512
"""Rows of a block. Images in tars are read in their order there, so that a tar is opened once a block; a job that is stopped
finishes its block, and encoding is slow."""

EXAMPLES = 3
"""Texts that the README shows."""


def write_export(
    name: str,
    folder: Path,
    rows: Iterable[pl.DataFrame],
    settings: Mapping[str, Any],
    *,
    seed: int,
    parts: Collection[str],
    data_path: str,
    folders: Mapping[str, str],
    facts: Mapping[str, Any],
    threads: int,
) -> Mapping[str, int]:
    """Write an export; return what was counted.

    Images that an earlier job has written, and that are still as it left them, are kept. What earlier jobs have written and this
    one has not is removed; other files in the data folder stay.

    Args:
        name: in the config.
        folder: where it goes.
        rows: of `booruflow.exports.rows.export_rows`.
        settings: its config section, with `images` and `variants` filled in.
        seed: of the choice among variants.
        parts: the names of all parts of texts that the rows have.
        data_path: the absolute path of its data folder, with a separator at the end.
        folders: for each image folder, and for "", where the trainer finds it.
        facts: what the README says of the data set.
        threads: threads for images.

    Raises:
        UserError: an image cannot be read, a file not be written, or no post is left.
    """
    form: Form = FORMS[settings["form"]]()
    if form.templates:
        settings = {**settings, "variants": [{"template": template} for template in form.templates]}
    data = folder / DATA
    with writing(data):
        data.mkdir(parents=True, exist_ok=True)
    with Ledger(folder / LEDGER) as ledger, open_whole(folder / FILE_LIST) as list_file:
        divider = facts["tags"]["divider"]
        export = Export(name, folder, data_path, settings, seed, parts, folders, divider, threads, ledger, list_file)
        several = "one" if settings["captions"] == "one" else form.several
        texts = with_texts(_counted(export, rows), settings["variants"], several, draws=form.draws, seed=seed)
        blocks = in_blocks(texts, BLOCK_ROWS_ENCODED if settings["images"] == "encode" else BLOCK_ROWS)
        form.write(export, _placed(export, form, counted(blocks, None, f"export {name}")))
        if not export.counts["texts"]:
            raise UserError(f"export {name}: no post has an image and a text: check the subset, the variants and inputs.images")
        text = readme_text(export, form, facts)
        with open_whole(folder / "README.md") as file:
            file.write(text)
        list_file.flush()
        # images are not flushed one by one, which takes as long as writing them: after a loss of power a start sees their sizes
        _remove_earlier(folder, ledger)
    return export.counts


def _counted(export: Export, rows: Iterable[pl.DataFrame]) -> Stream:
    """Count rows as those without a text, until `_placed` takes the others off."""
    for frame in rows:
        export.counts["without a text"] += len(frame)
        yield frame


def _placed(export: Export, form: Form, blocks: Iterable[pl.DataFrame]) -> Stream:
    """Write the images of each block, and add where they are: `file` and `path`."""
    how = How(export.settings["images"], export.settings["encode"])
    has_files = form.writes_images and how.way != "none"
    for block in blocks:
        export.counts["without a text"] -= len(block)
        if how.way != "none":
            block = _only_with(export, block, "name", "without an image")
        block = _only_with(export, block, "train_width", "without a training resolution")
        if has_files:
            block = _with_images(export, form, block, how)
        elif how.way == "none":
            require_plain(block["file"])
            block = block.with_columns(path=image_path(export.folders, "image_folder"))
        export.counts["images"] += len(block) if how.way != "none" else 0
        export.counts["texts"] += len(block)
        if len(export.examples) < EXAMPLES:
            export.examples += block["texts"].list.join("\n").head(EXAMPLES - len(export.examples)).to_list()
        yield block


def _only_with(export: Export, block: pl.DataFrame, column: str, count: str) -> pl.DataFrame:
    """The rows of a block that have a value in this column; the others are counted."""
    export.counts[count] = export.counts.get(count, 0) + block[column].null_count()
    return block.filter(pl.col(column).is_not_null())


def _with_images(export: Export, form: Form, block: pl.DataFrame, how: How) -> pl.DataFrame:
    """Write the images of a block; those in tars that the trainer reads in place keep their own names."""
    in_place = pl.col("tar").is_not_null() & pl.lit(form.reads_tars and how.way == "link")
    loose = block.filter(~in_place)
    written = write_images(loose, export.folder, DATA, how, export.ledger, export.threads)
    for each in written:
        export.add(listed(each))
    places = pl.DataFrame(
        {
            "id": loose["id"],
            "file": [each.path.removeprefix(f"{DATA}/") for each in written],
            "image_width": [each.width for each in written],
            "image_height": [each.height for each in written],
        },
        schema={"id": pl.Int64, "file": pl.String, "image_width": pl.Int32, "image_height": pl.Int32},
    )
    block = block.drop("file").join(places, on="id", how="left", maintain_order="left", suffix="_written")
    sizes = (pl.coalesce(f"{side}_written", side).alias(side) for side in ("image_width", "image_height"))
    return block.with_columns(*sizes, path=pl.concat_str(pl.lit(export.data_path), "file"))


def _remove_earlier(folder: Path, ledger: Ledger) -> None:
    """Remove what earlier jobs have written and is not on the list, which has just been written.

    Other files stay, such as latents that a trainer keeps beside the images.
    """
    new, earlier = folder / f".{FILE_LIST}.part", folder / EARLIER
    kept = {each.path for each in read_file_list(new)}
    known = read_file_list(earlier) if earlier.exists() else ()
    removed = 0
    for path in chain((each.path for each in known), ledger.paths):
        if path not in kept:
            with writing(folder / path), suppress(FileNotFoundError):
                (folder / path).unlink()
                removed += 1
                _remove_empty_folders((folder / path).parent, folder)
    _remove_empty_folders(folder / DATA, folder)
    if removed:
        print(f"{counted_noun(removed, 'file')} of an earlier export removed")
    with writing(earlier):
        shutil.copyfile(new, f"{earlier}.part")
        os.replace(f"{earlier}.part", earlier)  # noqa: PTH105


def _remove_empty_folders(folder: Path, top: Path) -> None:
    """Remove a folder and those around it below `top`, as far as they are empty."""
    while folder != top:
        try:
            folder.rmdir()
        except OSError:  # it holds something
            return
        folder = folder.parent
