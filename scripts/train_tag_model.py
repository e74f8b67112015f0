"""Rule train_tag_model: the tag-set model, or its baseline without layers, trained on the posts of a token file."""

from functools import partial
from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tag_model.export import save_model, write_text
from booruflow.tag_model.gpus import leased_gpus, run_on_gpus
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import Splits, check_categories, completion_queries, sample_sets, split_posts
from booruflow.tag_model.sets import open_token_file, post_sets
from booruflow.tag_model.training import Trainer, TrainingConfig
from booruflow.tokens.token_file import TokenFile
from booruflow.tokens.tokenizer import TagTokenizer

params = snakemake.params


def train(file: TokenFile, splits: Splits) -> None:
    """The work of each process."""
    vocabulary = splits.train.vocabulary
    architecture = ModelConfig(len(vocabulary), len(vocabulary.categories), **params.architecture)
    validation = completion_queries(sample_sets(splits.validation, params.max_queries))
    trainer = Trainer(splits.train, validation, architecture, TrainingConfig(**params.training), Path(params.checkpoint))
    model = trainer.run()
    if trainer.accelerator.is_main_process:
        folder = Path(snakemake.output.config).parent
        best = max(trainer.log, key=lambda row: row["MRR"])
        write_text(Path(snakemake.output.log), trainer.log_csv())
        TagTokenizer(file.vocabulary, params.max_length).save_pretrained(folder)
        save_model(folder, model, vocabulary, len(splits.train), {name: best[name] for name in ("R@1", "R@10", "MRR")})
        Path(params.checkpoint).unlink()


with job(snakemake.log[0], snakemake.rule):
    file = open_token_file(snakemake.input.tokens, snakemake.input.vocabulary)
    splits = split_posts(post_sets(file), **params.split)
    # no param: the evaluation's categories do not change the model, and must not train it again
    check_categories(splits, snakemake.config["tag_model"]["evaluation"]["categories"])
    with leased_gpus(params.gpus):
        run_on_gpus(partial(train, file, splits), params.gpus)
