"""Rule meta_lat: the tags, caption and resolution of each image, as the trainer reads them."""

from booruflow.captioning.skipped import read_skipped
from booruflow.core.idjson import read_entries
from booruflow.core.jobs import WARNING, job
from booruflow.core.progress import counted
from booruflow.core.tables import read_stream, rows_of
from booruflow.products.meta_lat import meta_lat_rows, text_rows, write_meta_lat
from booruflow.products.trainable import without_unreadable
from booruflow.texts.texts import read_json_texts

with job(snakemake.log[0], snakemake.rule):
    files, output, params = snakemake.input, snakemake.output, snakemake.params
    resolutions = counted(read_stream(files.resolutions), rows_of(files.resolutions), "meta_lat")
    resolutions = without_unreadable(resolutions, [read_skipped(path) for path in files.skipped])
    if params.text:
        rows = text_rows(read_json_texts(files, params.text), resolutions)
    else:
        rows = meta_lat_rows(read_entries(files.tags, member="tags"), read_entries(files.captions, member="caption"), resolutions)
    if not write_meta_lat(output.json, output.jsonl, rows, params.key, params.folders):
        print(f"{WARNING}no post can be trained on: each lacks an image, or a text by tags and text.variants")
