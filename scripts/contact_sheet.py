"""Rule contact_sheet: images beside their captions."""

from itertools import chain

import orjson

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.streams import Stream
from booruflow.core.tables import read_stream
from booruflow.report.contact_sheet import drawn, places_of, text_of, write_sheet

SHOWN = {"generated": 24, "mended": 6, "bad": 6, "existing": 12}
"""Posts of each kind."""

with job(snakemake.log[0], snakemake.rule):

    def entries(paths: list[str]) -> Stream:
        """The entries of several files, one file after the other."""
        return chain.from_iterable(map(read_entries, paths))

    given = snakemake.input
    files = {"generated": given.good, "mended": given.fixed, "bad": given.bad, "existing": [given.base]}
    groups = {
        kind: [(post, text_of(value)) for post, value in drawn(entries(files[kind]), count)] for kind, count in SHOWN.items()
    }
    ids = {post for posts in groups.values() for post, _ in posts}
    rows = (row for frame in read_entries(given.tags) for row in frame.iter_rows())
    tags = {post: orjson.loads(value)["tags"] for post, value in rows if post in ids}
    places = places_of(read_stream(given.images), ids)
    write_sheet(snakemake.output.page, groups, tags, snakemake.params.folder, places)
