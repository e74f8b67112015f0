"""The command `booruflow review`, run as a user runs it."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = Path(sys.executable).with_name("booruflow")


@dataclass
class ReviewServer:
    """A server of the review page of a folder; `port` 0 takes a free one, and a restart the same again."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    address: str = ""
    """What the command printed, with the token if there is one."""
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self) -> "ReviewServer":
        """Start it and wait until it answers."""
        command = [str(COMMAND), "review", str(self.folder), "--host", self.host, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)/\S*", line)
        assert found, f"no address in {line!r}"
        self.address, self.port = found[0], int(found[1])
        return self

    def kill(self) -> None:
        """End it as kill -9 does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def restart(self) -> None:
        """Start it again after a kill, on its port."""
        self.kill()
        self.start()

    def url(self, path: str) -> str:
        """The address of a page, without a token."""
        return f"http://127.0.0.1:{self.port}{path}"
