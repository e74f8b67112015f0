"""How far each caption shard is: `python scripts/journal_progress.py [results]`, also while jobs run.

Rows of missing/split_{n}.parquet against the ids that the journal holds. A line of the journal counts whatever model
and prompt it was made with: after a change of settings the shards begin again although this says they are far.
"""

import sys
from pathlib import Path

from booruflow.captioning.shard_progress import progress_of
from booruflow.core.errors import UserError

try:
    for line in progress_of(Path(sys.argv[1] if len(sys.argv) > 1 else "results")):
        print(line, flush=True)
except UserError as error:
    sys.exit(f"error: {error}")
