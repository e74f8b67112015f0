"""A caption job in its own process, to be killed: `python caption_job.py SHARD_FOLDER NUMBER COUNT CAPTIONER`."""

import json
import sys
from pathlib import Path

from echo import EchoBackend

from booruflow.captioning.backends.registry import BACKENDS
from booruflow.captioning.caption import Outputs, caption_shard
from booruflow.captioning.shards import Shard

if __name__ == "__main__":
    folder, number, count, captioner = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
    split = folder / f"split_{number}_of_{count}.parquet"
    shard = Shard(split, folder / "journal", folder / "attempts", number, count)
    outputs = Outputs(*(folder / f"{name}_{number}" for name in ("raw", "skipped", "failed", "stats")))
    backends = {"echo": EchoBackend, **BACKENDS}
    caption_shard(shard, captioner, [backends[captioner["backend"]](captioner)], outputs, threads=2)
