"""Rule trial_posts: the images of a trial, drawn from those without a caption."""

import json

from booruflow.captioning.shards import request_rows
from booruflow.core.errors import UserError, counted_noun
from booruflow.core.files import open_whole
from booruflow.core.idjson import read_entry_ids
from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.core.streams import semi_join
from booruflow.core.tables import read_stream, rows_of, write_stream
from booruflow.sources.missing import without
from booruflow.trial.draw import DETAILS, TRIAL_SCHEMA, candidates_of, draw, with_details

with job(snakemake.log[0], snakemake.rule):
    source, output, asked = snakemake.input, snakemake.output, snakemake.params.asked
    posts = counted(read_stream(source.posts, [*DETAILS, "general"]), rows_of(source.posts), "candidates")
    with_image = semi_join(posts, read_stream(source.images, ["id"]))
    candidates = candidates_of(without(with_image, read_entry_ids(source.captions)))
    if candidates.is_empty():
        raise UserError("config.yaml: captions.trial: nothing to draw: no post without a caption has an image")
    ids = draw(candidates, asked, snakemake.params.seed)
    columns = ["id", "general", "character", "artist", "has_metadata"]
    rows = request_rows([ids], read_stream(source.posts, columns), read_stream(source.images))
    write_stream(output.posts, with_details(rows, read_stream(source.posts, DETAILS)), TRIAL_SCHEMA)
    with open_whole(output.draw) as file:
        file.write(json.dumps({"images": len(candidates), "asked": asked, "drawn": len(ids)}).encode() + b"\n")
    fewer = f", all that there are, though {asked:,} were asked for" if len(ids) < asked else ""
    print(f"{counted_noun(len(ids), 'image')} drawn of {len(candidates):,} without a caption{fewer}")
