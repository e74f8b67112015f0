"""A backend that needs no model, for tests of the engine, the journal and the caption job.

The id of every generated text is also logged to the file `captioner["log"]`, so that a test can count repetitions.
"""

import os
import time
from pathlib import Path

from booruflow.captioning.backends.interface import Backend, Failed, Generation, Prepared


class EchoBackend(Backend):
    needs_image, needs_gpu = True, False

    def __init__(self, captioner):
        self.config = captioner
        self.batch_size = captioner["batch_size"]
        self.loaded = 0

    def identity(self):
        return {"backend": "echo", "model": self.config["model"]}

    def load(self):
        self.loaded += 1
        if seconds := self.config.get("load_seconds"):
            Path(self.config["log"]).touch()
            time.sleep(seconds)

    def prepare(self, request):
        return Prepared(request.id, request.image.width, request)

    def generate(self, batches):
        for batch in batches:
            time.sleep(self.config.get("pause", 0))
            answers = [self.answer(prepared) for prepared in batch]
            if log := self.config.get("log"):
                with Path(log).open("ab", buffering=0) as file:
                    file.write(b"".join(b"%d\n" % prepared.id for prepared in batch))
                    os.fsync(file.fileno())
            yield list(reversed(answers))

    def answer(self, prepared):
        request = prepared.inputs
        if self.config.get("broken") or prepared.id in self.config.get("failing", ()):
            return Failed(prepared.id, "no luck")
        text = f"{prepared.id}: {request.image.size} {request.prompt.user}"
        return Generation(prepared.id, text, "stop", len(request.prompt.user), len(text), 0.125)
