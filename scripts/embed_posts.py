"""Rule embed_posts: the vector of every post of a token file."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.tag_model.corpus import open_posts, posts
from booruflow.tag_model.export import load_model
from booruflow.tag_model.inference import best_device, embed
from booruflow.tag_model.launching import holding
from booruflow.tag_model.vectors import write_vectors

with job(snakemake.log[0], snakemake.rule), holding(snakemake.params.gpus):
    given, made = snakemake.input, snakemake.output
    model, vocabulary = load_model(Path(given.model).parent)
    file = open_posts(given.tokens, given.vocabulary, vocabulary)
    model.to(best_device())
    parts = ((sets.ids, embed(model, sets)) for sets in counted(posts(file), len(file), "embedding posts"))
    write_vectors(Path(made.vectors), Path(made.ids), len(file), model.config.nested[-1], parts)
