"""Rule fixed: the edited entries of all files parsed again."""

from booruflow.captioning.fixed import (
    chosen_edits,
    edit_outcomes,
    fixed_captions,
    print_outcomes,
    read_artists,
    read_bad_texts,
    read_edits,
    read_replaced,
    write_fixed,
    write_outcomes,
)
from booruflow.captioning.parse import ParserSettings
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    edits = read_edits(inputs.edited)
    bad_texts, bad = read_bad_texts(inputs.bad, edits)
    chosen = chosen_edits(edits, bad_texts)
    captions = fixed_captions(chosen, read_artists(inputs.posts, chosen), ParserSettings(**params.parser))
    shards = {kind: inputs.get(kind) for kind in ("good", "bad", "skipped", "failed")}
    outcomes = edit_outcomes(edits, chosen, captions, read_replaced(captions, inputs.base, shards))
    print_outcomes(outcomes, bad)
    write_fixed(captions, outputs.fixed)
    write_outcomes(outputs.edits, outcomes)
