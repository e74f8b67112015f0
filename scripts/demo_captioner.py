"""Rule demo_captioner: a tiny captioner trained on drawn images."""

import os

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

from pathlib import Path

from booruflow.core.jobs import job
from booruflow.demo.training import train

if __name__ == "__main__":  # the drawing process imports this file again
    with job(snakemake.log[0], snakemake.rule):
        train(Path(snakemake.output.folder), snakemake.params.seconds, seed=1)
