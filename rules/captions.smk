"""Captions of each shard: generate them (the only rule that needs a GPU), parse them, and parse edited ones again.

Needs missing/split_{n}.parquet, the images, posts, and the files in edited/. Makes, all in captions/, raw_{n}.jsonl,
skipped_{n}.json, failed_{n}.json, stats_{n}.json, good_{n}.json, bad_{n}.json and fixed_{n}.json, and failed.json and edits.json of
all shards; on request also edit_list/edited_{n}.json. Finished generations are kept in journal/, and failed attempts are counted
in captions/attempts/. Reads the config sections captioner, captions and inputs.

Rules that captioning waits for have a priority, in all rule files, and the longest of them a higher one, so that GPUs start
early.
"""

import json
import os

# the environment of each backend that loads a model also has the packages of tipo
CAPTION_ENV = "tipo" if (CAPTIONER["backend"], CAPTIONER["fallback"]) == ("openai", "tipo") else CAPTIONER["backend"]


ATTEMPTS = f"{R}/captions/attempts"

# A job gets this section through its environment. Most of its settings only operate the job, so they are no params, which would
# run it again; and those of a server can hold a secret, which Snakemake would write to .snakemake/scripts with the config.
os.environ["BOORUFLOW_CAPTIONER"] = json.dumps(CAPTIONER)


@functools.cache
def retries_due(n):
    """The failed attempts of a shard that are followed by another one, as a param: each new one runs the job again."""
    if not Path(ATTEMPTS).exists():
        return "0 retries"  # without the imports, which take a moment
    from booruflow.captioning.failed import read_attempts, retries
    from booruflow.captioning.journal import journal_files

    return f"{retries(read_attempts(journal_files(Path(ATTEMPTS), int(n), len(SHARDS))))} retries"


rule caption:
    input:
        split=f"{R}/missing/split_{{n}}.parquet",
    output:
        raw=f"{R}/captions/raw_{{n}}.jsonl",
        skipped=f"{R}/captions/skipped_{{n}}.json",
        failed=f"{R}/captions/failed_{{n}}.json",
        stats=f"{R}/captions/stats_{{n}}.json",
    log:
        f"{R}/logs/caption_{{n}}.log",
    benchmark:
        f"{R}/benchmarks/caption_{{n}}.tsv"
    threads: CAPTIONER["threads"]
    resources:
        gpu=int(any(backend.needs_gpu for backend in BACKENDS)),
        mem_mb=CAPTIONER["mem_mb"],
        runtime=CAPTIONER["runtime"],
    params:
        code=code("caption"),
        identity=lambda wildcards: identity(),
        prompt={"style": CAPTIONER["style"], "grounding": CAPTIONER["grounding"]},
        due=lambda wildcards: retries_due(wildcards.n),
        journal=JOURNAL,
        attempts=ATTEMPTS,
        shards=len(SHARDS),
    conda:
        f"../envs/{CAPTION_ENV}.yaml"
    message:
        "Captions of shard {wildcards.n}: generate those that the journal lacks"
    priority: 1
    script:
        "../scripts/caption.py"


rule parse:
    input:
        split=f"{R}/missing/split_{{n}}.parquet",
        raw=rules.caption.output.raw,
    output:
        good=f"{R}/captions/good_{{n}}.json",
        bad=f"{R}/captions/bad_{{n}}.json",
    log:
        f"{R}/logs/parse_{{n}}.log",
    benchmark:
        f"{R}/benchmarks/parse_{{n}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("parse"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Captions of shard {wildcards.n}: parse the outputs"
    script:
        "../scripts/parse.py"


rule fixed:
    input:
        posts=rules.posts.output.posts,
        bad=expand(rules.parse.output.bad, n=GENERATED),
        edited=lambda wildcards: edited_files(),
    output:
        fixed=expand(f"{R}/captions/fixed_{{n}}.json", n=SHARDS),
        edits=f"{R}/captions/edits.json",
    log:
        f"{R}/logs/fixed.log",
    benchmark:
        f"{R}/benchmarks/fixed.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("fixed"),
        parser=verbatim(PARSER),
    conda:
        "../envs/data.yaml"
    message:
        "Fixed captions: parse the edited entries of all files"
    script:
        "../scripts/fixed.py"


rule failed:
    input:
        failed=expand(rules.caption.output.failed, n=GENERATED),
        fixed=rules.fixed.output.fixed,
    output:
        failed=f"{R}/captions/failed.json",
    log:
        f"{R}/logs/failed.log",
    benchmark:
        f"{R}/benchmarks/failed.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("failed"),
    conda:
        "../envs/data.yaml"
    message:
        "Failed requests: list those of all shards"
    script:
        "../scripts/failed.py"


def exit_if_requests_failed():
    """End a run that was to caption with one line and exit code 1, if requests have failed.

    The next run repeats them (see retries_due). Their list is marked as incomplete, so that there is a next run, and an exit
    code, also when all of them wait.
    """
    shards = [job.wildcards.n for job in jobs_of("caption")]
    failures = unanswered(*(expand(f"{R}/captions/{name}_{{n}}.json", n=shards) for name in ("failed", "fixed")))
    if failures:
        for job in jobs_of("failed"):
            mark_incomplete(job)
        sys.exit(unanswered_line(failures, ATTEMPTS))


rule edit_list:
    input:
        bad=expand(rules.parse.output.bad, n=SHARDS),
        edited=lambda wildcards: edited_files(),
        none=no_edited_lists,
    output:
        lists=EDIT_LISTS,
    log:
        f"{R}/logs/edit_list.log",
    benchmark:
        f"{R}/benchmarks/edit_list.tsv"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code("edit_list"),
        folder=verbatim(EDITED),
    conda:
        "../envs/data.yaml"
    message:
        "Edit list: bad outputs to edit, in a copy in {params.folder}"
    script:
        "../scripts/edit_list.py"
