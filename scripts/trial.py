"""Rule trial: the drawn images beside their captions on one page, and what all images will take."""

import shutil
from pathlib import Path

from booruflow.captioning.parse import ParserSettings
from booruflow.captioning.shards import row_blocks
from booruflow.core.files import read_json
from booruflow.core.jobs import job
from booruflow.trial.answers import AnswerFiles, answers_of, outcomes_of
from booruflow.trial.bill import bill_of
from booruflow.trial.page import Trial, Variant, headline, write_trial_json, write_trial_page
from booruflow.trial.timing import Timing

with job(snakemake.log[0], snakemake.rule):
    source, output, settings = snakemake.input, snakemake.output, snakemake.params.variants
    rows = [row for block in row_blocks(Path(source.posts), 1024) for row in block]
    paths = zip(source.raw, source.skipped, source.failed, source.prompts, source.timings, strict=True)
    variants = [
        Variant(
            name,
            each["model"],
            each["changes"],
            each["on_gpu"],
            answers_of(source.posts, AnswerFiles(*files), ParserSettings(**each["parser"])),
            bill_of([Timing(**line) for line in read_json(timings)]),
        )
        for (name, each), (*files, timings) in zip(settings.items(), paths, strict=True)
    ]
    draw = read_json(source.draw)
    trial = Trial(draw["images"], draw["asked"], snakemake.params.shards, rows, variants)
    write_trial_json(output.json, trial)
    write_trial_page(output.page, trial)
    current = {Path(path).parent for path in source.raw}
    for former in {path.parent for path in Path(output.page).parent.glob("*/raw.jsonl")} - current:
        shutil.rmtree(former)  # of a variant that is no longer in the config
    for variant in variants:
        print(f"{variant.name}: {', '.join(f'{count} {outcome}' for outcome, count in outcomes_of(variant.answers).items())}")
    print(headline(trial))
    print(f"open {output.page}")
