"""Rule evaluate_tag_model: the model and its rivals before the same questions, on posts that none of them learned from."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tag_model.comparison import YARDSTICK, compared, gain_line, questions, report, rows_of
from booruflow.tag_model.corpus import open_posts, posts
from booruflow.tag_model.evaluation import permutation_error
from booruflow.tag_model.export import load_model, write_text
from booruflow.tag_model.inference import best_device, embedder
from booruflow.tag_model.launching import holding
from booruflow.tag_model.protocol import completion, sample, split_parts

with job(snakemake.log[0], snakemake.rule), holding(snakemake.params.gpus):
    given, made, params = snakemake.input, snakemake.output, snakemake.params
    wanted = params.evaluation
    splits = split_parts(posts(open_posts(given.tokens, given.vocabulary)), **params.split)
    asked = questions(splits, splits.test, wanted["categories"], most_sets=wanted["sets"], most_gallery=wanted["gallery"])
    check = completion(sample(splits.validation, wanted["sets"]))
    models = {name: load_model(Path(given[name]).parent)[0].to(best_device()) for name in ("bag", "model")}
    results = compared(models, splits.train, asked, check, wanted["gallery"])
    yardstick = next(result for result in results if result.name == YARDSTICK)
    gains = [gain_line([result], yardstick, asked.completion) for result in results if result.name.startswith("model")]
    error = permutation_error(embedder(models["model"], models["model"].config.nested[-1]), asked.completion.shown)
    print(f"another order of a set's tags changes no entry of its vector by more than {error:.1e}")
    write_text(Path(made.table), report(results, gains))
    write_text(Path(made.figures), rows_of(results))
