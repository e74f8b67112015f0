"""Rule evaluate_tag_model: the model and the baselines, evaluated on the same held-out queries."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tag_model.comparison import (
    REFERENCE_BASELINE,
    comparison_page,
    evaluate_all,
    evaluation_queries,
    gain_line,
    scores_json,
)
from booruflow.tag_model.embedding import best_device, embedder
from booruflow.tag_model.evaluation import permutation_error
from booruflow.tag_model.export import load_model, write_text
from booruflow.tag_model.gpus import leased_gpus
from booruflow.tag_model.protocol import completion_queries, sample_sets, split_sets
from booruflow.tag_model.sets import open_token_file, post_sets

with job(snakemake.log[0], snakemake.rule), leased_gpus(snakemake.params.gpus):
    settings = snakemake.params.evaluation
    file = open_token_file(snakemake.input.tokens, snakemake.input.vocabulary)
    splits = split_sets(post_sets(file), **snakemake.params.split)
    queries = evaluation_queries(splits, splits.test, **settings)
    validation = completion_queries(sample_sets(splits.validation, settings["max_queries"]))
    models = {name: load_model(Path(snakemake.input[name]).parent)[0].to(best_device()) for name in ("bag", "model")}
    scores = evaluate_all(models, splits.train, queries, validation, settings["gallery_size"])
    reference = next(score for score in scores if score.name == REFERENCE_BASELINE)
    gains = [gain_line([score], reference, queries.completion) for score in scores if score.name.startswith("model")]
    full = embedder(models["model"], models["model"].config.matryoshka_sizes[-1])
    error = permutation_error(full, queries.completion.visible)
    print(f"reordering the tags of a set changes no entry of its vector by more than {error:.1e}")
    write_text(Path(snakemake.output.table), comparison_page(scores, gains))
    write_text(Path(snakemake.output.scores), scores_json(scores))
