"""Rule metadata_csv: metadata in CSV, converted to one parquet file."""

from booruflow.core.jobs import job
from booruflow.sources.metadata_csv import csv_to_parquet

with job(snakemake.log[0], snakemake.rule):
    csv_to_parquet(snakemake.input.csv, snakemake.output.parquet, snakemake.params.columns)
