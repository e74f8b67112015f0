"""Tag counts, vocabulary and token file.

Needs posts/posts.parquet, or tags/posts.parquet with tokens.tags: policy. Makes tokens/prevalence_*.tsv, tokens/vocab.txt, tokens/vocab.json, tokens/tokens.bin,
tokens/tokens.idx, and the tables and plots of them. Reads the config section tokens.
"""

PREVALENCE = {
    category: f"results/tokens/prevalence_{category}.tsv" for category in ("general", "artist", "character", "copyright", "meta")
}


TOKEN_POSTS = rules.tag_policy.output.posts if TOKENS_OF_POLICY else rules.posts.output.posts


rule prevalence:
    input:
        posts=TOKEN_POSTS,
    output:
        **PREVALENCE,
        pieces="results/tokens/prevalence_pieces.tsv",
    log:
        "results/logs/prevalence.log",
    benchmark:
        "results/benchmarks/prevalence.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("prevalence"),
    conda:
        "../envs/data.yaml"
    message:
        "Prevalence: count the posts of each tag"
    script:
        "../scripts/prevalence.py"


rule vocab:
    input:
        **PREVALENCE,
    output:
        text="results/tokens/vocab.txt",
        table="results/tokens/vocab.json",
        costs="results/tokens/threshold_costs.tsv",
    log:
        "results/logs/vocab.log",
    benchmark:
        "results/benchmarks/vocab.tsv"
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=code("vocab"),
        min_count=config["tokens"]["min_count"],
        vocabulary_size=config["tokens"]["vocabulary_size"],
        score_edges=config["tokens"]["score_edges"],
    conda:
        "../envs/data.yaml"
    message:
        "Vocabulary: choose the tokens, and measure what each threshold loses"
    script:
        "../scripts/vocab.py"


rule tokens:
    input:
        posts=TOKEN_POSTS,
        vocabulary="results/tokens/vocab.json",
    output:
        tokens="results/tokens/tokens.bin",
        index="results/tokens/tokens.idx",
        counts="results/tokens/tokens.json",
        lengths="results/tokens/lengths.tsv",
    log:
        "results/logs/tokens.log",
    benchmark:
        "results/benchmarks/tokens.tsv"
    threads: 2
    resources:
        mem_mb=1500,
    params:
        code=code("tokens"),
        max_length=config["tokens"]["max_length"],
    conda:
        "../envs/data.yaml"
    message:
        "Tokens: all posts as token ids"
    script:
        "../scripts/tokens.py"


rule token_plots:
    input:
        costs=rules.vocab.output.costs,
        lengths=rules.tokens.output.lengths,
    output:
        costs="results/tokens/threshold_costs.svg",
        lengths="results/tokens/lengths.svg",
    log:
        "results/logs/token_plots.log",
    benchmark:
        "results/benchmarks/token_plots.tsv"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code("token_plots"),
        max_length=config["tokens"]["max_length"],
    conda:
        "../envs/report.yaml"
    message:
        "Token plots: what the thresholds cost, and how many tokens posts need"
    script:
        "../scripts/token_plots.py"
