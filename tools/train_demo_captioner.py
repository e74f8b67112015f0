"""Train the demo captioner on drawn images: python scripts/demo_captioner.py --out FOLDER [--seconds 2400]."""

import os

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

import argparse
from pathlib import Path

from booruflow.demo.training import train


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights and the processor")
    parser.add_argument("--seconds", type=float, default=2400, help="how long to train (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="a captioner to train on from, instead of a new one")
    parser.add_argument("--rate", type=float, default=1, help="share of the full learning rates, for going on with --start")
    options = parser.parse_args()
    train(options.out, options.seconds, options.seed, options.start, options.rate)


if __name__ == "__main__":
    main()
