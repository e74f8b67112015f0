"""The tag-set model: train it, evaluate it against baselines, and embed posts and tags with it.

Needs tokens/tokens.bin, tokens/tokens.idx and tokens/vocab.json. Makes embed/model/ (weights, config, tokenizer, model card),
embed/bag/ (a baseline: the same without layers), embed/evaluation.md and .json, embed/embeddings.npy, embed/ids.npy and
embed/tags.npy. A checkpoint is kept in checkpoints/ during training. Reads the config section tag_model and tokens.max_length.
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
        config=f"{R}/embed/{{form}}/config.json",
        weights=f"{R}/embed/{{form}}/model.safetensors",
        tags=f"{R}/embed/{{form}}/tags.tsv",
        model_card=f"{R}/embed/{{form}}/README.md",
        tokenizer=multiext(f"{R}/embed/{{form}}/", "vocab.txt", "vocab.json", "tokenizer_config.json"),
        log=f"{R}/embed/{{form}}/training.csv",
    log:
        f"{R}/logs/train_tag_model_{{form}}.log",
    benchmark:
        f"{R}/benchmarks/train_tag_model_{{form}}.tsv"
    threads: TAG_MODEL["threads"]
    resources:
        gpu=TAG_MODEL["gpus"],
        mem_mb=TAG_MODEL["mem_mb"],
        runtime=TAG_MODEL["runtime"],
    params:
        code=code("train_tag_model"),
        split=TAG_MODEL["split"],
        form=lambda wildcards: TAG_MODEL["form"] | ({"layers": 0} if wildcards.form == "bag" else {}),
        training=TAG_MODEL["training"],
        sets=TAG_MODEL["evaluation"]["sets"],
        gpus=TAG_MODEL["gpus"],
        max_length=config["tokens"]["max_length"],
        checkpoint=lambda wildcards: f"{R}/checkpoints/{wildcards.form}_{digest('train_tag_model')[:12]}.pt",
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: train {wildcards.form}"
    wildcard_constraints:
        form="model|bag",
    script:
        "../scripts/train_tag_model.py"


rule evaluate_tag_model:
    input:
        **TOKENS,
        model=f"{R}/embed/model/config.json",
        bag=f"{R}/embed/bag/config.json",
    output:
        table=report(f"{R}/embed/evaluation.md", category="Tag-set model"),
        figures=f"{R}/embed/evaluation.json",
    log:
        f"{R}/logs/evaluate_tag_model.log",
    benchmark:
        f"{R}/benchmarks/evaluate_tag_model.tsv"
    threads: TAG_MODEL["threads"]
    resources:
        gpu=min(1, TAG_MODEL["gpus"]),
        mem_mb=TAG_MODEL["mem_mb"],
        runtime=TAG_MODEL["runtime"],
    params:
        code=code("evaluate_tag_model"),
        gpus=min(1, TAG_MODEL["gpus"]),
        split=TAG_MODEL["split"],
        evaluation=TAG_MODEL["evaluation"],
    conda:
        "../envs/tag-model.yaml"
    message:
        "Tag-set model: evaluate against baselines"
    script:
        "../scripts/evaluate_tag_model.py"


rule embed_posts:
    input:
        **TOKENS,
        model=f"{R}/embed/model/config.json",
    output:
        vectors=f"{R}/embed/embeddings.npy",
        ids=f"{R}/embed/ids.npy",
    log:
        f"{R}/logs/embed_posts.log",
    benchmark:
        f"{R}/benchmarks/embed_posts.tsv"
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
        model=f"{R}/embed/model/config.json",
    output:
        vectors=f"{R}/embed/tags.npy",
    log:
        f"{R}/logs/embed_tags.log",
    benchmark:
        f"{R}/benchmarks/embed_tags.tsv"
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
