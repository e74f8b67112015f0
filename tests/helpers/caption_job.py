"""A caption job in a process of its own, to be killed: `python caption_job.py SHARD_FOLDER NUMBER COUNT CAPTIONER`."""

import json
import sys
from pathlib import Path

import echo

from booruflow.captioning.caption import Shard, caption_shard

if __name__ == "__main__":
    sys.modules["booruflow.captioning.backends.echo"] = echo
    folder, number, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shard = Shard(folder / f"split_{number}_of_{count}.parquet", folder / "images", folder / "journal", number, count)
    out = [folder / f"{name}_{number}" for name in ("raw", "skipped", "stats")]
    caption_shard(shard, json.loads(sys.argv[4]), *out, threads=2)
