"""Products that are missing or changed since they were built are built again, whatever the target.

Snakemake itself misses an intermediate file that is gone, as after a failed job, and an output that was changed by hand. So
the size and time of each output are recorded when its job has finished, and compared at each start.
Needs nothing; makes .snakemake/products.tsv. Reads nothing from the config.
"""

import sys

from booruflow.core.errors import counted_noun
from booruflow.products.built import changes, compact_records, read_records, record_outputs, settle
from booruflow.products.summary import print_changes, print_summary

RECORDS = Path(".snakemake/products.tsv")
MANIFEST = "results/manifest.json"
CHANGE_COUNTS = "results/changes/counts.json"
BUILT_NOW = set()


def changed_products(outputs):
    """The outputs that are not as they were built. Those that were only touched get their time back."""
    with exit_on_user_error():
        changed, touched = changes(outputs, read_records(RECORDS), MANIFEST)
        if touched and not is_dry_run():
            settle(RECORDS, touched)
    notes = [f"{path} {change}: its job runs again" for path, change in changed.items()]
    notes[5:] = [f"... and {len(notes) - 5} more"] if len(notes) > 5 else []
    if touched and is_dry_run():
        notes.append(f"{counted_noun(len(touched), 'product')} only touched: a run restores the time")
    print("".join(f"{note}\n" for note in notes), end="", file=sys.stderr)
    return changed


def record_job(outputs):
    """Record the outputs of a job that has succeeded, but for edit lists, which people edit. An error fails the job."""
    try:
        record_outputs(RECORDS, [path for path in outputs if not path.startswith("results/edit_list/")])
    except UserError as error:
        raise WorkflowError(str(error)) from None
    BUILT_NOW.update(outputs)


def print_counts():
    """Print the counts of the data set, if this run has checked them."""
    if MANIFEST in BUILT_NOW:
        with exit_on_user_error():
            print_summary(MANIFEST)
            print_changes(CHANGE_COUNTS)


if is_main_process():
    build_again(changed_products)
    after_each_job(record_job)
