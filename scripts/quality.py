"""Rule quality: what makes captions suspicious, without a model."""

from booruflow.core.errors import counted_noun
from booruflow.core.jobs import job
from booruflow.quality.captions import captions_by_origin, with_tags
from booruflow.quality.flags import checks, usual_kinds, write_counts, write_flags
from booruflow.quality.settings import Settings

with job(snakemake.log[0], snakemake.rule):
    inputs, outputs, settings = snakemake.input, snakemake.output, Settings(**snakemake.params.settings)
    tokenizers = {"clip": inputs.clip or None, "t5": inputs.t5 or None}
    sources = (inputs.base, inputs.good, inputs.fixed)
    usual = usual_kinds(captions_by_origin(*sources), settings)
    run = checks(settings, usual, inputs.posts, tokenizers)
    checked, flagged = write_flags(with_tags(captions_by_origin(*sources), inputs.posts), settings.flags, run, outputs.flags)
    write_counts(outputs.counts, checked, flagged, usual, tokenizers)
    found = ", ".join(f"{sum(n.values()):,} {flag}" for flag, n in flagged.items() if n)
    print("; ".join(filter(None, [counted_noun(sum(checked.values()), "caption"), found])))
