"""The interface of a form: what an export is given, and what a form must say of itself. One module in `forms/` is one form."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

import polars as pl

from booruflow.core.errors import UserError
from booruflow.core.files import open_whole, sha256_of
from booruflow.core.streams import Stream
from booruflow.exports.ledger import Ledger
from booruflow.products.file_list import Listed
from booruflow.texts.templates import DEFAULT, DIVIDER

DATA = "data"
"""The folder of images and texts in an export; what explains them lies beside it."""


@dataclass
class Export:
    """One export while it is being written.

    Attributes:
        name: in the config.
        folder: where it is written.
        data_path: where the trainer finds the folder of its images, absolute, with a separator at the end.
        settings: the config section of this export, `variants` filled in.
        seed: of the choice among variants.
        parts: the names of all parts of texts that the rows have.
        folders: for each image folder where the trainer finds it, see `booruflow.sources.inputs.trainer_folder`.
        divider_of_tags: the divider of the tag policy; None if it has none.
        threads: threads for images.
        ledger: what is written already.
        counts: what the README tells, counted on the way.
        texts: the first texts, which the README shows.
    """

    name: str
    folder: Path
    data_path: str
    settings: Mapping[str, Any]
    seed: int
    parts: Collection[str]
    folders: Mapping[str, str]
    divider_of_tags: str | None
    threads: int
    ledger: Ledger
    list_file: BinaryIO
    counts: dict[str, int] = field(default_factory=lambda: {"images": 0, "texts": 0, "without a text": 0})
    examples: list[str] = field(default_factory=list)

    @property
    def divider(self) -> str | None:
        """What divides a text for sd-scripts (`keep_tokens_separator`): that of a template, else of the policy's line of tags."""
        templates = [variant["template"] for variant in self.settings["variants"] or [{"template": DEFAULT}]]
        if any(DIVIDER in template for template in templates):
            return DIVIDER
        return self.divider_of_tags if any("{tags}" in template for template in templates) else None

    @property
    def has_several(self) -> bool:
        """Whether an image may have several texts."""
        return len(self.settings["variants"]) > 1 and self.settings["captions"] == "all"

    def add(self, listed: Listed) -> None:
        """Put a file on the list of files."""
        self.list_file.write(listed.line())

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Write one of the files of the form; at the end it is whole and listed."""
        with open_whole(self.folder / name) as file:
            yield file
        self.add_file(name)

    def add_file(self, name: str) -> None:
        """List a file that is whole."""
        path = self.folder / name
        self.add(Listed(path.stat().st_size, sha256_of(path), name))


class Form(ABC):
    """The form that one trainer reads."""

    several: ClassVar[Literal["lines", "list", "one"]]
    """How it takes several texts of an image."""
    templates: ClassVar[tuple[str, ...]] = ()
    """Templates of the form's own texts, in place of variants; empty for those of the config."""
    draws: ClassVar[bool] = True
    """Whether its trainer draws one of several texts; then a text stands there as often as its weight says."""
    writes_images: ClassVar[bool] = True
    """Whether the images are files of their own, written before the texts; false for tars."""
    divides: ClassVar[bool] = False
    """Whether its trainer knows a divider within a text; to others it is text like any other."""
    reads_tars: ClassVar[bool] = False
    """Whether its trainer reads images in tars in place: with `images: link` the tars are linked."""

    @abstractmethod
    def write(self, export: Export, rows: Stream) -> None:
        """Write the texts of all rows.

        Args:
            export: what is being written.
            rows: `id`; `texts`, a list of at least one line; `file`, the image below the data folder, or with `images: none`
                below its own folder; `path`, where the trainer finds it; `image_width`, `image_height`, `train_width` and
                `train_height` in pixels; all `parts` of the export; the columns of images.parquet, `size` as `bytes`.
        """

    @abstractmethod
    def usage(self, export: Export) -> str:
        """How the trainer is pointed at the export: Markdown for the README. May write files with `export.open`."""


def require_plain(names: pl.Series) -> None:
    """Raise a UserError if a file name has a tab or line break."""
    wrong = names.filter(names.str.contains("[\t\n]"))
    if len(wrong):
        raise UserError(f"{wrong[0]!r}: a tab or line break in the name of an image: rename it, or set images: copy")
