"""The tag-set model: training, evaluation against baselines, and the vectors of posts and tags.

Needs tokens/tokens.bin, tokens/tokens.idx and tokens/vocab.json. Makes embed/model/ (weights, config, tokenizer, model card),
embed/bag/ (a baseline: the same without layers), embed/evaluation.md and .json, embed/embeddings.npy, embed/ids.npy and
embed/tags.npy. Keeps a checkpoint in checkpoints/ while training. Reads the config sections tag_model and tokens.max_length.
"""

TAG_MODEL = config["tag_model"]
TOKENS = {
    "tokens": rules.tokens.output.tokens,
    "index": rules.tokens.output.index,
    "vocabulary": rules.vocab.output.table,
}


rule train_tag_model:
    input:
        **TOKENS,
    output:
        config="results/embed/{model}/config.json",
        weights="results/embed/{model}/model.safetensors",
        tags="results/embed/{model}/tags.tsv",
        model_card="results/embed/{model}/README.md",
        tokenizer=multiext("results/embed/{model}/", "vocab.txt", "vocab.json", "tokenizer_config.json"),
        log="results/embed/{model}/training.csv",
    log:
        "results/logs/train_tag_model_{model}.log",
    benchmark:
        "results/benchmarks/train_tag_model_{model}.tsv"
    threads: TAG_MODEL["threads"]
    resources:
        gpu=TAG_MODEL["gpus"],
        mem_mb=TAG_MODEL["mem_mb"],
        runtime=TAG_MODEL["runtime"],
    params:
        code=code("train_tag_model"),
        split=TAG_MODEL["split"],
        architecture=lambda wildcards: TAG_MODEL["architecture"]
        | ({"layers": 0, "neighbours": 0} if wildcards.model == "bag" else {}),
        training=TAG_MODEL["training"],
        max_queries=TAG_MODEL["evaluation"]["max_queries"],
        gpus=TAG_MODEL["gpus"],
        max_length=config["tokens"]["max_length"],
        checkpoint=lambda wildcards: f"results/checkpoints/{wildcards.model}_{digest('train_tag_model')[:12]}.pt",
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: train {wildcards.model}"
    wildcard_constraints:
        model="model|bag",
    script:
        "../scripts/train_tag_model.py"


rule evaluate_tag_model:
    input:
        **TOKENS,
        model="results/embed/model/config.json",
        bag="results/embed/bag/config.json",
    output:
        table=report("results/embed/evaluation.md", category="Tag-set model"),
        scores="results/embed/evaluation.json",
    log:
        "results/logs/evaluate_tag_model.log",
    benchmark:
        "results/benchmarks/evaluate_tag_model.tsv"
    threads: TAG_MODEL["threads"]
    resources:
        gpu=min(1, TAG_MODEL["gpus"]),
        mem_mb=TAG_MODEL["mem_mb"],
        runtime=TAG_MODEL["runtime"],
    params:
        code=code("evaluate_tag_model"),
        gpus=min(1, TAG_MODEL["gpus"]),
        split=TAG_MODEL["split"],
        architecture=TAG_MODEL["architecture"],
        training=TAG_MODEL["training"],
        evaluation=TAG_MODEL["evaluation"],
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: evaluate with the baselines"
    script:
        "../scripts/evaluate_tag_model.py"


rule embed_posts:
    input:
        **TOKENS,
        model="results/embed/model/config.json",
    output:
        vectors="results/embed/embeddings.npy",
        ids="results/embed/ids.npy",
    log:
        "results/logs/embed_posts.log",
    benchmark:
        "results/benchmarks/embed_posts.tsv"
    threads: TAG_MODEL["threads"]
    resources:
        gpu=min(1, TAG_MODEL["gpus"]),
        mem_mb=3000,
        runtime=TAG_MODEL["runtime"],
    params:
        code=code("embed_posts"),
        gpus=min(1, TAG_MODEL["gpus"]),
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: embed all posts"
    script:
        "../scripts/embed_posts.py"


rule embed_tags:
    input:
        model="results/embed/model/config.json",
    output:
        vectors="results/embed/tags.npy",
    log:
        "results/logs/embed_tags.log",
    benchmark:
        "results/benchmarks/embed_tags.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("embed_tags"),
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: embed all tags"
    script:
        "../scripts/embed_tags.py"


rule tag_model:
    input:
        rules.evaluate_tag_model.output,
        rules.embed_posts.output,
        rules.embed_tags.output,
