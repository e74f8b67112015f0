"""Rule embed_posts: the vectors of all posts of a token file."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.core.progress import counted
from booruflow.tag_model.embedding import best_device, embed, write_vectors
from booruflow.tag_model.export import load_model
from booruflow.tag_model.gpus import leased_gpus
from booruflow.tag_model.sets import open_token_file, post_sets

with job(snakemake.log[0], snakemake.rule), leased_gpus(snakemake.params.gpus):
    model, vocabulary = load_model(Path(snakemake.input.model).parent)
    file = open_token_file(snakemake.input.tokens, snakemake.input.vocabulary, vocabulary)
    model.to(best_device())
    parts = ((sets.ids, embed(model, sets)) for sets in counted(post_sets(file), len(file), "embedding posts"))
    vectors, ids = Path(snakemake.output.vectors), Path(snakemake.output.ids)
    write_vectors(vectors, ids, len(file), model.config.matryoshka_sizes[-1], parts)
