"""Train the demo captioner with options of your own, for example in several runs: see docs/sample.md.

python tools/train_demo_captioner.py FOLDER --seconds 2700
python tools/train_demo_captioner.py FOLDER --seconds 2400 --start sample/captioner --rate 0.5
"""

import os

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")

import argparse
from pathlib import Path

from booruflow.demo.training import train


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="output folder for weights and processor")
    parser.add_argument("--seconds", type=float, required=True, help="training time")
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="continue from the weights of this captioner")
    parser.add_argument("--rate", type=float, default=1, help="factor on the learning rates (default: %(default)s)")
    options = parser.parse_args()
    train(options.folder, options.seconds, options.seed, options.start, options.rate)


if __name__ == "__main__":  # the drawing process imports this file again
    main()
