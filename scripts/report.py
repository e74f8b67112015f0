"""Rule report: one page about the run."""

from booruflow.core.jobs import job
from booruflow.report.overview.page import write_report

with job(snakemake.log[0], snakemake.rule):
    write_report(snakemake.output.page, snakemake.input, snakemake.params.settings)
