"""Rule manifest: the laws of conservation checked, and what was built, with sizes, digests and counts."""

from pathlib import Path

from booruflow.core.idjson import read_entries
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.checks import Shard, check_captions, check_coverage, check_dealt, check_shard, check_tars, lat_ids
from booruflow.products.manifest import describe, write_manifest
from booruflow.products.meta_lat import caption_values
from booruflow.sources.missing import MISSING_KINDS, read_missing

with job(snakemake.log[0], snakemake.rule):
    given, results = snakemake.input, Path(snakemake.params.results)
    shards = zip(given.splits, given.good, given.bad, given.skipped, strict=True)
    outcomes = [
        check_shard(Shard(Path(split).stem, read_stream(split, ["id"]), [read_entries(path) for path in lists]))
        for split, *lists in shards
    ]
    if outcomes:
        check_dealt(read_missing(given.missing_before, "caption"), [read_stream(split, ["id"]) for split in given.splits])
    good, bad, skipped = (sum(counts) for counts in zip(*outcomes, strict=True)) if outcomes else (0, 0, 0)

    generated = [caption_values(read_entries(path)) for path in [*given.good, *given.fixed]]
    counts, replaced, captioned = check_captions(
        [read_entries(given.base), *generated], read_entries(given.captions, "law of captions")
    )
    fixed = sum(counts[1 + len(given.good) :])

    posts = counted(read_stream(given.posts, ["id"]), rows_of(given.posts), "laws")
    lists = [read_missing(given.missing, kind) for kind in MISSING_KINDS]
    total, trained, fallback = check_coverage(posts, lat_ids(given.lat), read_entries(given.captions), lists)

    for tar, entries, member in ((given.caption_tars, given.captions, "caption"), (given.tag_tars, given.tags, "tags")):
        check_tars(Path(tar).parent, read_entries(entries), member, snakemake.params.tars)

    summary = {
        "posts": total,
        "base_captions": counts[0],
        "to_caption": good + bad + skipped,
        "good": good,
        "bad": bad,
        "fixed": fixed,
        "skipped": skipped,
        "replaced_by_a_later_source": replaced,
        "captions": captioned,
        "for_the_trainer": trained,
        "of_these_tags_alone": fallback,
    }
    known = {"meta_cap.json": captioned, "meta_lat.json": trained, "captions/meta_cap_base.json": counts[0]}
    # of tars the input names one for all that lie beside it
    files = [str(each) for path in given for each in (Path(path).parent.iterdir() if path.endswith(".tar") else [path])]
    write_manifest(snakemake.output.manifest, summary, describe(files, results, known))
