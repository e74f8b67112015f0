"""All uses of Snakemake's undocumented interface, each behind a named function.

Any release of Snakemake may change it. Tried with 9.16.3, 9.21.1 and 9.27.1: a dry run, a build, a failed run and the run
after it. Before 9.16.3 limits of resources were plain numbers, and `resource_limit` fails.
Needs and makes nothing; reads nothing from the config.
"""

import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import psutil
from snakemake.dag import DAG
from snakemake.logging import logger
from snakemake.script import PythonScript
from snakemake.settings.types import DeploymentMethod


def code_folder():
    """The folder of this code, also where another workflow uses it as a module; for use while the rules are being read."""
    return Path(workflow.current_basedir).parent


def yaml_config_files():
    """The YAML files that the config of this run is read from."""
    return [file for file in workflow.configfiles if not str(file).endswith(".json")]


def is_main_process():
    """Whether this is the Snakemake that the user started, and not the one of a job, which reads the rules again."""
    return workflow.is_main_process


def is_module(code):
    """Whether another workflow uses the code in that folder as a module."""
    return Path(workflow.main_snakefile) != code / "Snakefile"


def runs_on_cluster():
    """Whether jobs go to the scheduler of a cluster (`--jobs`, `--executor`)."""
    return workflow.nodes is not None


def uses_conda():
    """Whether jobs have environments of their own (`--sdm conda`), and not that of this process."""
    return DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


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


def files_of_targets():
    """The files of the targets of the run: the outputs of a rule or, where it has none, those of its inputs that are known."""
    files = []
    for target in workflow.dag_settings.targets:
        if workflow.is_rule(target):
            target_rule = workflow.get_rule(target)
            files += target_rule.output or target_rule.input
        else:
            files.append(os.path.normpath(target))
    return [str(file) for file in files if isinstance(file, str)]


def known_targets():
    """The names of the rules that are targets, and the files that rules name without wildcards."""
    names = [rule_.name for rule_ in workflow.rules if not rule_.has_wildcards()]
    files = [file for rule_ in workflow.rules for file in (*rule_.output, *rule_.input) if isinstance(file, str)]
    return [*names, *(str(file) for file in files if "{" not in file)]


def only_touches():
    """Whether the run only renews the time stamps of files (`--touch`)."""
    return workflow.touch


def is_dry_run():
    """Whether the run only plans, draws or lists, and leaves all files as they are."""
    return workflow.executor_plugin is None or workflow.dryrun


def build_again(choose):
    """Run again each job that makes one of the files `choose(outputs)`; `outputs` are those of all jobs behind the targets."""
    check_incomplete = DAG.check_incomplete

    async def with_chosen(dag):
        dag.forcefiles.update(choose([str(file) for job in dag.jobs for file in job.output]))
        await check_incomplete(dag)

    DAG.check_incomplete = with_chosen


def after_each_job(act):
    """Call `act(outputs)` when a job has succeeded and its outputs have their final times."""
    check_and_touch_output = DAG.check_and_touch_output

    async def then_act(dag, job, **options):
        await check_and_touch_output(dag, job, **options)
        act([str(file) for file in job.output])

    DAG.check_and_touch_output = then_act


def when_nothing_runs(act):
    """Call `act()` in a run that has nothing to do, which Snakemake ends without onsuccess."""
    postprocess = DAG.postprocess

    async def then_act(dag, *arguments, **options):
        await postprocess(dag, *arguments, **options)
        if options.get("check_initial") and not is_dry_run() and not unfinished_jobs():
            act()

    DAG.postprocess = then_act


def show_by(make):
    """Let the logging handler `make()` show what a run says in place of Snakemake's own, if the user has chosen no other way.

    A dry run, and all that is said before Snakemake knows whether this is one, is shown as usual.
    """
    if logger.level == logging.DEBUG or workflow.output_settings.stdout:
        return
    for own in [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]:
        handler = make()
        handler.filters = list(own.filters)
        handler.addFilter(lambda record: not is_dry_run())
        own.addFilter(lambda record: is_dry_run())
        logger.addHandler(handler)


def has_other_config_files():
    """Whether config files are named on the command line (`--configfile`), which Snakemake merges into config.yaml."""
    return bool(workflow.overwrite_configfiles)


def remove_left_scripts():
    """Remove the copies of scripts that jobs left behind when they were killed. On a cluster running jobs elsewhere may need them."""
    copies = list(Path(".snakemake/scripts").glob("tmp*.py"))
    if not copies or runs_on_cluster():
        return
    running = {Path(part).name for process in psutil.process_iter(["cmdline"]) for part in process.info["cmdline"] or ()}
    for path in copies:
        if path.name not in running:
            path.unlink(missing_ok=True)


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
