"""Rule metadata_csv: the CSV export of the posts as one parquet file."""

from booruflow.csv_export import csv_to_parquet
from booruflow.job import job

with job(snakemake.log[0], snakemake.rule):
    csv_to_parquet(snakemake.input.csv, snakemake.output.parquet, snakemake.params.columns)
