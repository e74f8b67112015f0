"""Rule evaluate_tag_model: the model and the baselines, evaluated on the same held-out queries."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tag_model.comparison import (
    comparison_page,
    evaluate_all,
    evaluation_queries,
    gain_table,
    scores_json,
    setup_table,
)
from booruflow.tag_model.embedding import best_device, embedder
from booruflow.tag_model.evaluation import permutation_error
from booruflow.tag_model.export import load_model, write_text
from booruflow.tag_model.gpus import leased_gpus
from booruflow.tag_model.protocol import check_categories, completion_queries, sample_sets, split_posts
from booruflow.tag_model.sets import open_token_file, post_sets

params = snakemake.params

with job(snakemake.log[0], snakemake.rule), leased_gpus(params.gpus):
    settings = params.evaluation
    file = open_token_file(snakemake.input.tokens, snakemake.input.vocabulary)
    splits = split_posts(post_sets(file), **params.split)
    check_categories(splits, settings["categories"])
    queries = evaluation_queries(splits, splits.test, **settings)
    validation = completion_queries(sample_sets(splits.validation, settings["max_queries"]))
    models = {name: load_model(Path(snakemake.input[name]).parent)[0].to(best_device()) for name in ("bag", "model")}
    scores = evaluate_all(models, splits.train, queries, validation, settings["gallery_size"])
    ranked = [score for score in scores if score.ranks is not None]
    ours = [[score] for score in ranked if score.name.startswith("model")]
    baselines = [[score] for score in ranked if not score.name.startswith("model")]
    full = embedder(models["model"], models["model"].config.matryoshka_sizes[-1])
    error = permutation_error(full, queries.completion.visible)
    print(f"reordering the tags of a set changes no entry of its vector by more than {error:.1e}")
    sections = {name: getattr(params, name) for name in ("split", "architecture", "training", "evaluation")}
    page = comparison_page(setup_table(splits, queries, sections), scores, gain_table(ours[-2:], baselines, queries))
    write_text(Path(snakemake.output.table), page)
    write_text(Path(snakemake.output.scores), scores_json(scores))
