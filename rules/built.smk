"""Products that are missing or changed since they were built are built again, whatever the target.

Snakemake itself misses an intermediate file that is gone, as after a failed job, and an output that was changed by hand. So
the size and time of each output are recorded when its job has finished, and compared at each start.
Needs nothing; makes .snakemake/products.tsv. Reads nothing from the config.
"""

RECORDS = Path(".snakemake/products.tsv")
MANIFEST = f"{R}/manifest.json"
BUILT_NOW = set()


def changed_products(outputs):
    """The outputs that are not as they were built. Those that were only touched get their time back."""
    try:
        changed, touched = changes(outputs, read_records(RECORDS), MANIFEST)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    for path, change in [*changed.items()][:5]:
        print(f"{path} {change}: its job runs again", file=sys.stderr)
    if len(changed) > 5:
        print(f"... and {len(changed) - 5} more", file=sys.stderr)
    if touched and not is_dry_run():
        settle(RECORDS, touched)
    return changed


def record_job(outputs):
    """Record the outputs of a job that has succeeded, but for edit lists, which people edit."""
    record_outputs(RECORDS, [path for path in outputs if not path.startswith(f"{R}/edit_list/")])
    BUILT_NOW.update(outputs)


if is_main_process():
    build_again(changed_products)
    after_each_job(record_job)
