"""Rule train_tag_model: the set transformer, or its rival without layers, on the posts of a token file."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.tag_model.corpus import open_posts, posts
from booruflow.tag_model.export import save_model, write_text
from booruflow.tag_model.launching import holding, spread
from booruflow.tag_model.model import ModelConfig
from booruflow.tag_model.protocol import completion, sample, split_parts
from booruflow.tag_model.training import Trainer, TrainingConfig
from booruflow.tokens.tokenizer import TagTokenizer

given, made, params = snakemake.input, snakemake.output, snakemake.params


def train() -> None:
    """The work of each process."""
    file = open_posts(given.tokens, given.vocabulary)
    splits = split_parts(posts(file), **params.split)
    vocabulary = splits.train.vocabulary
    form = ModelConfig(len(vocabulary), len(vocabulary.categories), **params.form)
    check = completion(sample(splits.validation, params.sets))
    trainer = Trainer(splits.train, check, form, TrainingConfig(**params.training), Path(params.checkpoint))
    model = trainer.run()
    if trainer.accelerator.is_main_process:
        folder = Path(made.config).parent
        best = max(trainer.log, key=lambda row: row["MRR"])
        write_text(Path(made.log), trainer.log_text())
        TagTokenizer(file.vocabulary, params.max_length).save_pretrained(folder)
        figures = {name: best[name] for name in ("R@1", "R@10", "MRR")}
        save_model(folder, model, vocabulary, len(splits.train), figures, tokenized=True)
        Path(params.checkpoint).unlink()


with job(snakemake.log[0], snakemake.rule), holding(params.gpus):
    spread(train, params.gpus)
