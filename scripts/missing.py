"""Rules missing and missing_final: the posts that lack tags, a caption, a training resolution or, with variants, a text."""

from booruflow.captioning.skipped import read_skipped
from booruflow.core.idjson import read_entry_ids
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import merged_latest
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_cap import posts_of_tags_alone
from booruflow.products.trainable import without_unreadable
from booruflow.sources.missing import find_missing, write_missing
from booruflow.texts.texts import read_texts

with job(snakemake.log[0], snakemake.rule):
    source = snakemake.input
    posts = counted(read_stream(source.posts, ["id"]), rows_of(source.posts), "missing")
    skipped = [read_skipped(path) for path in source.get("skipped", [])]
    resolutions = without_unreadable(read_stream(source.resolutions, ["id"]), skipped)
    no_caption_needed = posts_of_tags_alone(source.get("fixed", []), source.tags)
    captions = merged_latest([read_entry_ids(source.captions), [no_caption_needed]])
    text = snakemake.params.get("text")
    texts = [(frame.select("id") for frame in read_texts(source, text))] if text else []
    lists = find_missing(posts, [read_entry_ids(source.tags), captions, resolutions, *texts])
    write_missing(snakemake.output.missing, lists)
    names = ("tags", "caption", "resolution", "text")[: len(lists)]
    print(", ".join(f"{len(ids):,} without {kind}" for kind, ids in zip(names, lists, strict=True)))
