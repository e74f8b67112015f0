"""Rule export: the data set, or a subset, in the form of one trainer."""

from pathlib import Path

from booruflow.captioning.skipped import read_skipped
from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream
from booruflow.exports.export import write_export
from booruflow.exports.parts import CATEGORIES, post_parts
from booruflow.exports.rows import part_rows
from booruflow.products.trainable import without_unreadable

with job(snakemake.log[0], snakemake.rule):
    files, params = snakemake.input, snakemake.params
    columns = ["id", "rating", *([] if files.tags else CATEGORIES.values())]
    rows = part_rows(
        post_parts(read_stream(files.posts, columns), read_stream(files.tags) if files.tags else None, params.separator),
        [
            (name, member, read_entries(path, member=member))
            for (name, member), path in zip(params.parts, files.texts, strict=True)
        ],
        read_stream(files.images),
        without_unreadable(read_stream(files.resolutions), [read_skipped(path) for path in files.skipped]),
    )
    counts = write_export(
        snakemake.wildcards.export,
        Path(snakemake.output.readme).parent,
        rows,
        params.settings,
        seed=params.seed,
        data_path=params.data_path,
        folders=params.folders,
        facts=params.facts,
        threads=snakemake.threads,
    )
    print(", ".join(f"{name}: {count:,}" for name, count in counts.items()))
