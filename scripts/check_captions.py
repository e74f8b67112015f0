"""Rule check_captions: the captions from the shards to meta_cap.json are consistent, before anything is made of them."""

import orjson

from booruflow.core.files import open_whole
from booruflow.core.jobs import job
from booruflow.products.checks.captions import check_caption_files

with job(snakemake.log[0], snakemake.rule):
    counts = check_caption_files(snakemake.input)
    with open_whole(snakemake.output.counts) as file:
        file.write(orjson.dumps(counts, option=orjson.OPT_APPEND_NEWLINE))
