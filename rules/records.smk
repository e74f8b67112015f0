"""Snakemake's records of what each product was made from, kept with the products.

Another clone of the code that takes over the results then knows their code and config, and reruns nothing. Reads the config
key results; makes .records in that folder, and .snakemake/metadata as a link to it.
"""

import os

# Windows lets few users make symbolic links
if os.name == "posix" and is_main_process() and not is_module(BASE):
    keep_records_in(Path(R) / ".records")
