"""The paths, wildcard constraints and input functions that rule files share.

Products are in results/, what a person edits is in edited/, and finished generations are in journal/, which outlives results/.
Needs the checked config; makes nothing. Reads the config sections inputs, captions, captioner, text, tars, subsets and exports.
"""

import functools
import re

from booruflow.sources.inputs import image_folders, is_json, list_edited
from booruflow.tags.policy import is_plain
from booruflow.texts.templates import TEXTS, file_parts

JOURNAL = "journal"
ATTEMPTS = "results/captions/attempts"
SHARDS = list(range(config["captions"]["shards"]))
GENERATED = SHARDS if config["captions"]["generate"] else []
METADATA = config["inputs"]["metadata"]
CAPTIONS = config["inputs"]["captions"]
IMAGES = image_folders(config["inputs"]["images"])
IMAGE_NAME = config["inputs"]["image_name"]
EDITED = "edited"
EDIT_LISTS = [f"results/edit_list/edited_{n}.json" for n in SHARDS]
FIXED = SHARDS if GENERATED or any(Path(EDITED).glob("*")) else []
VARIANTS = config["text"]["variants"]
TAG_LINE = {key: TAG_POLICY[key] for key in ("order", "separator", "divider")}


def one_of(names):
    """A regular expression for these names, so that no rule makes a product of a name that the config lacks."""
    return "|".join(map(re.escape, map(str, names))) or "(?!)"


wildcard_constraints:
    n=r"\d+",
    k=one_of(range(len(CAPTIONS))),
    subset=one_of(config["subsets"]),
    style=one_of(STYLES),
    view=one_of(VIEWS),
    variant=one_of(TRIAL),
    export=one_of(config["exports"]),


def caption_tables(wildcards):
    """The parquet files of all caption sources, in the order of the config; JSON sources are converted first."""
    tables = []
    for k, source in enumerate(CAPTIONS):
        tables += [f"results/converted/captions_{k}.parquet"] if is_json(source["files"][0]) else source["files"]
    return tables


@functools.cache
def edited_files():
    """All files of edited entries. Ends the run if one cannot be read; names what else lies in their folder."""
    with exit_on_user_error():
        files, others = list_edited(EDITED)
    if others and is_main_process():
        print(f"{EDITED}: not read, since not called *.json: {', '.join(others)}", file=sys.stderr)
    return files


def no_edited_lists(wildcards):
    """No file. Ends the run if a person has edited an edit list in its place, which a run of its rule would replace or remove."""
    from booruflow.captioning.edit_list import lists_in, refuse_edited_lists

    with exit_on_user_error():
        refuse_edited_lists(lists_in("results/edit_list"), EDITED)
    return []


def tars_of(folder, kind):
    """All tars of captions or of tags in a folder of the results, each after its index.

    All tars come from one job. Consumers depend on the last one only, because checking thousands of inputs is slow;
    it is missing, too, when their number has grown.
    """
    return [f"results/{folder}tars/{kind}/{n:04d}.{suffix}" for n in range(config["tars"]["count"]) for suffix in ("json", "tar")]


def subset_files(name):
    """The products of a subset; of its tars the last ones."""
    names = ["tags/meta_cap_dd.json", "meta_cap.json", "meta_lat.json", "meta_lat.jsonl"]
    last_tars = [tars_of(f"subsets/{name}/", kind)[-1] for kind in ("captions", "tags")]
    return [*(f"results/subsets/{name}/{product}" for product in names), *last_tars]


def outcomes_of(view, outcome):
    """The files of an outcome of the style whose captions a view holds, one for each shard."""
    style = VIEWS[view][0]
    folder = f"captions/{style}" if style in STYLES else "captions"
    return expand(f"results/{folder}/{outcome}_{{n}}.json", n=GENERATED)


def style_files():
    """The outcomes and captions of further styles and names; of the outcomes those that are the same on every run."""
    names = ("good", "bad", "skipped", "failed")
    outcomes = [f"results/captions/{style}/{name}_{n}.json" for style in STYLES for name in names for n in GENERATED]
    return [
        *outcomes,
        *(path for view in VIEWS for path in (f"results/meta_cap_{view}.json", f"results/captions/counts_{view}.json")),
    ]


def export_files(name):
    """The products of an export that Snakemake knows; all its files are listed in files.tsv."""
    return [f"results/exports/{name}/README.md", f"results/exports/{name}/files.tsv"]


def text_files(*names, subset=None):
    """Those of the files that captions and tags are read from, of all posts or a subset; with text.variants all that texts need.

    Of all posts texts need no tags JSON, but take the tags from the tables, so that they need not wait for it.
    """
    parts = file_parts(VIEWS, subset)
    files = {
        "posts": str(rules.posts.output.posts),
        "tags": parts["tags"][1] if subset or "tags" in names else [],
        "captions": parts["caption"][1],
        "policy_tags": [] if is_plain(TAG_POLICY) else str(rules.tag_policy.output.tags),
        "further": [path for name, (_, path) in USED_PARTS.items() if name not in TEXTS],
    }
    return {name: files[name] for name in (files if VARIANTS else names)}


def texts_of_export(wildcards):
    """The files of all parts, of the whole data set or of the subset."""
    return [path for _, path in file_parts(VIEWS, config["exports"][wildcards.export]["subset"]).values()]


def everything():
    """All products, and the intermediate files: Snakemake recreates a missing one only if a target requests it."""
    return [
        *rules.manifest.input,
        *rules.changes.output,
        *rules.images.output,
        *rules.resolutions.output,
        *UNREADABLE,
        *expand(rules.caption.output, n=GENERATED),
        *(expand(rules.caption_style.output, n=GENERATED, style=STYLES) if STYLES else []),
        *(rules.fixed.output if FIXED else []),
        *(rules.failed.output if GENERATED else []),
        *rules.manifest.output,
        *(rules.tag_policy.output if POLICY_APPLIES else []),
        *rules.tokens.output,
        *rules.token_plots.output,
    ]


def built_before_verify(wildcards):
    """What verify waits for: with other targets beside it their files and the manifest; alone nothing, so that it only looks."""
    files = files_of_targets()
    return [*rules.manifest.output, *files] if files else []
