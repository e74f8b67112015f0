"""What the scripts of booruflow share: importable, tested, and free of Snakemake."""
