"""The end of the log that was written last: that of an engine, or of a caption job."""

import re
from pathlib import Path

from booruflow.core.jobs import DONE

LOG_BYTES, LOG_LINES = 16 << 10, 12
_CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def end_of_newest_log(results: Path) -> list[str]:
    """The last lines, as text; none where there is no log. What a job says for the console, a line once more, is left out."""
    logs = [*results.glob("logs/caption_*.engine.log")] or [*results.glob("logs/caption_*.log")]
    try:
        newest = max(logs, key=lambda path: path.stat().st_mtime)
        with newest.open("rb") as file:
            file.seek(max(newest.stat().st_size - LOG_BYTES, 0))
            text = file.read(LOG_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    lines = [_CONTROLS.sub("", line).strip() for line in re.split("[\r\n]", text)]
    return [line[:400] for line in lines if line and not line.startswith(DONE)][-LOG_LINES:]
