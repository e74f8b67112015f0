"""Rule traits: the usual tags of each character."""

from booruflow.captioning.prompts.traits import write_traits
from booruflow.core.errors import counted_noun
from booruflow.core.jobs import job

with job(snakemake.log[0], snakemake.rule):
    count = write_traits(snakemake.output.traits, snakemake.input.posts)
    print(f"{counted_noun(count, 'character')} with usual tags")
