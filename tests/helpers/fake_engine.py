"""An engine of the OpenAI chat API that needs no model: a process of its own, with a speed, and ways to fail.

It answers `rate` requests a second, `slots` at a time, and appends a line per answer to `--log`: its number, the request's
tag, the time.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--rate", type=float, default=200)
parser.add_argument("--slots", type=int, default=8)
parser.add_argument("--log", type=Path, required=True)
parser.add_argument("--bad-starts", type=int, default=1000, help="runs that fail as below; later ones are sound")
parser.add_argument("--say", default="", help="what it prints at the start")
parser.add_argument("--exit", type=int, help="end at once with this status")
parser.add_argument("--never-ready", action="store_true")
parser.add_argument("--die-after", type=int, default=-1, help="answers before it kills itself")
parser.add_argument("--hang-after", type=int, default=-1)
parser.add_argument("--fail-after", type=int, default=-1, help="answers before all others are errors")
parser.add_argument("--poison", help="a request with this tag kills it")
parser.add_argument("--stubborn", action="store_true", help="ignores SIGTERM, and starts a child in a session of its own")
options = parser.parse_args()

starts_file = options.log.with_suffix(".starts")
with starts_file.open("a") as file:
    file.write(f"{os.getpid()} {options.port} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
bad = len(starts_file.read_text().splitlines()) <= options.bad_starts
print(options.say, flush=True)
if bad and options.exit is not None:
    sys.exit(options.exit)
if options.stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    options.log.with_suffix(".child").write_text(str(child.pid))

answers = 0
log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


async def answer(reader, writer):
    global answers
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            if not head.startswith(b"POST"):
                status, text = (503, "") if bad and options.never_ready else (200, "ok")
            else:
                status, text = await complete(body)
            data = text.encode()
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def complete(body):
    global answers
    tags = body[body.rfind(b'"text":"') :][:4000].decode()
    async with slots:
        if bad and options.poison in re.findall("tag_[0-9]+", tags):
            os.kill(os.getpid(), signal.SIGKILL)
        if bad and 0 <= options.hang_after <= answers:
            await asyncio.sleep(1000)
        if bad and 0 <= options.fail_after <= answers:
            return 500, json.dumps({"error": {"message": "CUDA error: device-side assert triggered"}})
        await asyncio.sleep(options.slots / options.rate * random.uniform(0.5, 1.5))
        answers += 1
        os.write(log, f"{answers} {re.search(r'tag_[0-9]+', tags)[0] if 'tag_' in tags else '-'} {time.monotonic()}\n".encode())
        if bad and answers == options.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": '{"general": "A cat sits on a mat."}'},
        "finish_reason": "stop",
    }
    return 200, json.dumps({"choices": [choice], "usage": usage})


async def main():
    global slots
    slots = asyncio.Semaphore(options.slots)
    server = await asyncio.start_server(answer, "127.0.0.1", options.port, limit=1 << 26)
    async with server:
        await server.serve_forever()


asyncio.run(main())
