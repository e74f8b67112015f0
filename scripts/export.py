"""Rule export: the data set, or a subset, in the form of one trainer."""

from pathlib import Path

from booruflow.captioning.skipped import read_skipped
from booruflow.core.jobs import job
from booruflow.core.tables import read_stream
from booruflow.exports.export import write_export
from booruflow.exports.rows import export_rows
from booruflow.products.trainable import without_unreadable
from booruflow.texts.parts import read_part_rows
from booruflow.texts.templates import PARTS

with job(snakemake.log[0], snakemake.rule):
    files, params = snakemake.input, snakemake.params
    entries = [(name, member, path) for (name, member), path in zip(params.parts, files.texts, strict=True)]
    rows = export_rows(
        read_part_rows(files.posts, files.tags, entries, params.line),
        read_stream(files.images),
        without_unreadable(read_stream(files.resolutions), [read_skipped(path) for path in files.skipped]),
    )
    counts = write_export(
        snakemake.wildcards.export,
        Path(snakemake.output.readme).parent,
        rows,
        params.settings,
        seed=params.seed,
        parts=dict.fromkeys([*PARTS, *(name for name, _ in params.parts)]),
        data_path=params.data_path,
        folders=params.folders,
        facts=params.facts,
        threads=snakemake.threads,
    )
    print(", ".join(f"{name}: {count:,}" for name, count in counts.items()))
