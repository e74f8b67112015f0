"""Rule report: one page about the run."""

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.report.overview.page import write_report

with job(snakemake.log[0], snakemake.rule):
    page = Path(snakemake.output.page)
    write_report(page, snakemake.input, snakemake.params.settings)
    print(f"{page}: {page.stat().st_size / 1000:,.0f} kB")
