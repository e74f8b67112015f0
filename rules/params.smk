"""The params that rule files share, and the environment of caption jobs. A job whose params change runs again.

Needs the checked config; makes nothing. Reads the config sections inputs, captions and captioner.
"""

import functools

from booruflow.captioning.backends.interface import shown_identity
from booruflow.captioning.prompts.settings import for_style, parser_settings, request_settings
from booruflow.core.code_digest import code_digest
from booruflow.sources.images.finding import listing_digest
from booruflow.trial.variants import shown_changes, shown_model

PARSER = {name: config["captions"][name] for name in ("artist_sentence", "max_characters", "salvage")}
CAPTION_FILES = [file for source in CAPTIONS for file in source["files"]]


@functools.cache
def digest(script):
    """The digest of a script and of the library code that it can run. A change of it reruns the rule."""
    return code_digest(BASE / f"scripts/{script}.py", BASE / "scripts/booruflow")


def code(script):
    """The digest of a script, computed only for rules that have a job."""
    return lambda wildcards: digest(script)


def verbatim(value):
    """A config value as it is; without the function Snakemake would read braces in it as wildcards."""
    return lambda wildcards: value


@functools.cache
def identity(style=CAPTIONER["style"]):
    """All that determines a caption of a style apart from its request. Ends the run if captioning is not possible."""
    if is_main_process():
        check_captioner(CAPTIONER)
    return [shown_identity(backend.identity()) for backend in open_backends(for_style(CAPTIONER, style))]


@functools.cache
def trial_identity(variant):
    """The same of a variant of the trial."""
    if is_main_process():
        check_captioner(TRIAL[variant], f"captions.compare.{variant}" if variant in COMPARE else "captioner")
    return [shown_identity(backend.identity()) for backend in open_backends(TRIAL[variant])]


def trial_settings(variant):
    """What the page of the trial needs of a variant."""
    captioner = TRIAL[variant]
    return {
        "model": shown_model(captioner),
        "changes": shown_changes(COMPARE.get(variant, {})),
        "on_gpu": needs_gpu(captioner),
        "parser": {**PARSER, **parser_settings(captioner, captioner["style"])},
    }


def caption_env(captioner):
    """The environment of caption jobs: that of a backend that loads a model also has the packages of tipo, that of servers not."""
    return "tipo" if captioner["backend"] in ("openai", "server") and captioner["fallback"] else captioner["backend"]


def parser(style):
    """The settings of the parser for the answers to a style."""
    return verbatim({**PARSER, **parser_settings(CAPTIONER, style)})


def sizes(files):
    """The sizes of files of the user. Those that are missing are reported by Snakemake.

    Snakemake goes by the time stamp of a large file; one that is replaced by an older one is noticed by its size. It leaves out
    of the comparison what is computed from the inputs of a job.
    """
    return lambda wildcards: [Path(path).stat().st_size for path in files if Path(path).is_file()]


@functools.cache
def retries_due(n, style=""):
    """The failed attempts of a shard that are followed by another one: each new one runs the job again."""
    if not Path(ATTEMPTS, style).exists():
        return "0 retries"  # without the imports, which take a moment
    from booruflow.captioning.failed import read_attempts, retries
    from booruflow.captioning.journal import journal_files

    with exit_on_user_error():
        return f"{retries(read_attempts(journal_files(Path(ATTEMPTS, style), int(n), len(SHARDS))))} retries"


LISTING_VARIABLE = "BOORUFLOW_IMAGES"


@functools.cache
def images_listing():
    """The names, sizes and times of all images.

    Only the main process, which plans and records, lists them. Jobs of a cluster get the digest through their environment: with
    another one they would take the images for changed, and list them once more before their own work.
    """
    if is_main_process():
        os.environ[LISTING_VARIABLE] = listing_digest(IMAGES)
    return os.environ.get(LISTING_VARIABLE, "")
