"""Form aozora: images with a JSON file of four texts beside each, drawn by percentages that the trainer's config sets.

The file `<stem>.json` holds `tags`, `nl` (prose), `tags_nl` and `nl_tags`, of which empty ones do not count (Aozora's train.py,
`read_caption_variants_for_image`); their form is that of the example in its window (gui.py). Variants do not apply.
"""

import orjson

from booruflow.core.streams import Stream
from booruflow.exports.interface import Export, Form
from booruflow.exports.sidecars import write_sidecars
from booruflow.texts.templates import parse_template
from booruflow.texts.variants import filled

TEXTS = {"tags": "{tags}", "nl": "{caption}", "tags_nl": "{tags}. {caption}", "nl_tags": "{caption} {tags}"}


class Aozora(Form):
    """For the Aozora trainers of Anima and SDXL."""

    several = "list"
    templates = tuple(TEXTS.values())

    def write(self, export: Export, rows: Stream) -> None:
        """Write the JSON files."""
        texts = [filled(parse_template(template)).fill_null("").alias(name) for name, template in TEXTS.items()]
        for frame in rows:
            sidecars = [orjson.dumps(row).decode() for row in frame.select(texts).iter_rows(named=True)]
            write_sidecars(export, frame["file"].to_list(), sidecars, ".json")

    def usage(self, export: Export) -> str:
        """The folder."""
        if export.settings["images"] == "none":
            return "Copy `data/` over the folder of the images: each JSON file then lies beside its image.\n"
        return f"Aozora: the data set folder `{export.data_path.removesuffix('/')}`; how often each text is drawn is set there.\n"
