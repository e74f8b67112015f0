"""Keep Snakemake's records of what was built, code and config among them, with the results: another clone that is given
the results then knows what they were made from. Needs the config key results; makes .records in that folder.
"""

import os

RECORDS = Path(config["results"]) / ".records"
METADATA_LINK = Path(".snakemake/metadata")

MAIN = workflow.is_main_process and Path(workflow.main_snakefile) == BASE / "Snakefile"
# Windows lets few users make symbolic links; a folder of records that is there already stays as it is
if os.name == "posix" and MAIN and (METADATA_LINK.is_symlink() or not METADATA_LINK.exists()):
    RECORDS.mkdir(parents=True, exist_ok=True)
    # beside it, or Snakemake takes the records for those of an old version
    METADATA_LINK.with_name("incomplete").mkdir(parents=True, exist_ok=True)
    METADATA_LINK.unlink(missing_ok=True)
    METADATA_LINK.symlink_to(os.path.relpath(RECORDS, METADATA_LINK.parent))


def remember_unfinished():
    """Let the next run make what this one did not come to, whatever its target.

    Snakemake removes the outputs of a job that fails, and would not miss them while what is made from them exists.
    """
    for job in workflow.dag.needrun_jobs():
        if not workflow.dag.finished(job):
            workflow.persistence.started(job)
