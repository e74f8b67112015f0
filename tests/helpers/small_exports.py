"""A small data set with odd texts and images, loose and in a tar, and its exports."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from image_files import encoded, pack

from booruflow.core.idjson import ENTRY_SCHEMA
from booruflow.exports.export import write_export
from booruflow.exports.rows import export_rows
from booruflow.sources.images.listing import IMAGES_SCHEMA, list_images
from booruflow.sources.resolutions import RESOLUTIONS_SCHEMA
from booruflow.texts.parts import part_rows, post_parts
from booruflow.texts.templates import PARTS

TAGS = {"policies": [], "order": ["artist", "character", "copyright", "general", "meta"], "underscores": "keep", "divider": None}
ENCODE = {"format": "webp", "quality": 90, "max_pixels": None, "max_side": None}
SETTINGS = {
    "form": "folder",
    "subset": None,
    "images": "copy",
    "encode": ENCODE,
    "variants": [],
    "captions": "all",
    "extension": "txt",
    "tars": 3,
}
VARIANTS = [{"template": "{tags}", "weight": 1}, {"template": "{characters} ({rating}), {caption}", "weight": 2}]

POSTS = [
    # id, rating, artist, character, general, caption
    (1, "g", "ink", "mirelle", "1girl solo", "A girl."),
    (2, "s", "", "", ":{ {a|b} |_|", "She says {x|y} ||| and\nsmiles “so”."),
    (3, "q", "", "", "", "Only a caption\u2028in two lines."),
    (4, "e", "", "", "1boy", None),
    (5, None, "", "", "", None),
    (16, "g", "ink", "bob", "\\||/ hat", 'A "hat"\\.'),
]
"""The fifth has neither tags nor caption, only, as the first, a caption of a further style.

The image of the sixth is in a tar, under ./16.png.
"""


TRAINED = [1, 2, 3, 4, 16]
"""The posts with a text and an image."""


def image_folder(root: Path) -> Path:
    """Images of the posts in a folder `root/images`, one of them in a tar."""
    folder = root / "images"
    (folder / "sub").mkdir(parents=True)
    for post, name in ((1, "1.png"), (2, "sub/2.jpg"), (3, "3.webp"), (4, "4.PNG"), (5, "5.png")):
        (folder / name).write_bytes(encoded(name.rpartition(".")[2].lower(), (8 + post, 6), "blue"))
    pack(folder / "0016.tar", {"./16.png": encoded("png", (20, 10), "green"), "./99.png": encoded()})
    return folder


def texts(column: int, member: str) -> pl.DataFrame:
    """Entries of tags or captions, as in id-keyed JSON."""
    rows = [(post[0], post[column]) for post in POSTS]
    if member == "tags":
        rows = [(post[0], ", ".join(f"{post[2]} {post[3]} {post[4]}".split())) for post in POSTS]
    values = [(post, json.dumps({member: text}, ensure_ascii=False, separators=(",", ":"))) for post, text in rows if text]
    return pl.DataFrame(values, schema=ENTRY_SCHEMA, orient="row")


def rows_of(images: Path, without_resolution: Collection[int]) -> Any:
    """The rows of the export of all posts."""
    posts = pl.DataFrame(
        {
            "id": [post[0] for post in POSTS],
            "rating": [post[1] for post in POSTS],
            "general": [post[4] for post in POSTS],
            "artist": [post[2] for post in POSTS],
            "character": [post[3] for post in POSTS],
            "copyright": "",
            "meta": "",
        },
        schema_overrides={"rating": pl.String},
    )
    found = list_images([str(images)], "{id}").frame.filter(pl.col("id") < 99)
    sizes = {post: (20, 10) if post == 16 else (8 + post, 6) for post in found["id"]}
    resolutions = pl.DataFrame(
        [
            (post, str(images), name, 64, 64, *sizes[post])
            for post, name in found.select("id", "name").rows()
            if post not in without_resolution
        ],
        schema=RESOLUTIONS_SCHEMA,
        orient="row",
    )
    short = pl.DataFrame([(post, f'{{"caption":"Short {post}."}}') for post in (1, 5)], schema=ENTRY_SCHEMA, orient="row")
    entries = [
        ("tags", "tags", [texts(0, "tags")]),
        ("caption", "caption", [texts(5, "caption")]),
        ("caption_short", "caption", [short]),
    ]
    parts = part_rows(post_parts([posts], None, {"order": [], "separator": ", ", "divider": None}), entries)
    return export_rows(parts, [found.select(list(IMAGES_SCHEMA))], [resolutions])


def export(
    root: Path,
    source: Path,
    name: str = "set",
    variants: Sequence[dict[str, Any]] = VARIANTS,
    divider: str | None = None,
    without_resolution: Collection[int] = (),
    **settings: Any,
) -> Path:
    """Write an export to `root/<name>`, with a divider of tags and without a resolution of some posts; return its folder."""
    folder = root / name
    write_export(
        name,
        folder,
        rows_of(source, without_resolution),
        {**SETTINGS, "variants": list(variants), **settings},
        seed=0,
        parts=[*PARTS, "caption_short"],
        data_path=f"{folder}/data/",
        folders={"": "/x/", str(source): f"{source}/"},
        facts={"posts": "all", "model": "demo", "tags": TAGS | {"divider": divider}},
        threads=2,
    )
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of all files of an export, but its record."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in (".written.tsv", ".files.earlier.tsv"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}
