"""All uses of Snakemake's undocumented interface, each behind a named function.

Any release of Snakemake may change it. Tried with 9.16.3, 9.21.1 and 9.27.1: a dry run, a build, a failed run and the run
after it. Before 9.16.3 limits of resources were plain numbers, and `resource_limit` fails.
Needs and makes nothing; reads nothing from the config.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from snakemake.script import PythonScript


def code_folder():
    """The folder of this code, also where another workflow uses it as a module; for use while the rules are being read."""
    return Path(workflow.current_basedir).parent


def is_main_process():
    """Whether this is the Snakemake that the user started, and not the one of a job, which reads the rules again."""
    return workflow.is_main_process


def is_module(code):
    """Whether another workflow uses the code in that folder as a module."""
    return Path(workflow.main_snakefile) != code / "Snakefile"


def runs_on_cluster():
    """Whether jobs go to the scheduler of a cluster (`--jobs`, `--executor`)."""
    return workflow.nodes is not None


def resource_limit(name):
    """The limit of the whole run for a resource such as gpu or mem_mb; None where there is none."""
    limits = workflow.global_resources
    return limits[name].value if name in limits else None


def set_resource_limit(name, limit):
    """Limit a resource for the whole run, as `--resources` does."""
    workflow.register_resource(name, limit)


def unfinished_jobs():
    """The jobs that the run has planned and not finished; none before the plan is made."""
    return list(workflow.dag.needrun_jobs())


def jobs_of(rule):
    """The jobs of a rule in the plan of the run, also those that need not run."""
    return [job for job in workflow.dag.jobs if job.rule.name == rule]


def only_touches():
    """Whether the run only renews the time stamps of files (`--touch`)."""
    return workflow.touch


def mark_incomplete(job):
    """Record the outputs of a job as incomplete, so that `--rerun-incomplete` makes them again."""
    workflow.persistence.started(job)


def keep_records_in(folder):
    """Make .snakemake/metadata, Snakemake's records of what each output was made from, a link to a folder."""
    link = Path(".snakemake/metadata")
    if link.exists() and not link.is_symlink():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # without this folder Snakemake takes the records for those of an old version and converts them
    link.with_name("incomplete").mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(folder, link.parent))


def silence_ctrl_c(scripts):
    """Let Ctrl-C end Snakemake, and jobs that are starting, without a traceback; a job that has started handles it itself.

    Only jobs whose script lies in the folder `scripts` are changed. Windows has no signal masks: nothing changes there.
    """
    show_exception, get_preamble, evaluate = sys.excepthook, PythonScript.get_preamble, PythonScript.evaluate
    # until booruflow.core.jobs handles SIGINT, it ends the job as it ends programs other than Python
    first_lines = """import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
"""

    def hook(kind, error, trace):
        if not issubclass(kind, KeyboardInterrupt):
            show_exception(kind, error, trace)

    def quiet_preamble(script):
        """Snakemake's first lines of a job behind our own. The job inherits a blocked SIGINT until these have run."""
        if not (script.is_local and Path(os.path.realpath(script.local_path)).is_relative_to(scripts.resolve())):
            return get_preamble(script)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # in this thread, which starts the job
        return first_lines + get_preamble(script)

    @contextlib.contextmanager
    def sigint_unblocked_after():
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    sys.excepthook = hook
    if os.name == "posix":
        PythonScript.get_preamble = quiet_preamble
        # a decorator, since Snakemake would name a function of this file as the place of every error
        PythonScript.evaluate = sigint_unblocked_after()(evaluate)
