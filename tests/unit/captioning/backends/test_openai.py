import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from small_shards import CAPTIONER

from booruflow.captioning.backends import Failed, Request, Result
from booruflow.captioning.backends.openai import OpenAIBackend, shrunk
from booruflow.captioning.prompts import prompt_of
from booruflow.core.errors import UserError

ROOT = Path(__file__).parents[4]


def answer(text="fine", finish_reason="stop"):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage})


class Server(ThreadingHTTPServer):
    """Answers request after request by a script; each entry is a status with a body, or what to do to the connection."""

    daemon_threads = True

    def __init__(self, *script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.asked, self.lock = list(script), [], threading.Lock()
        self.flying = self.most = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append(body)
            step = self.server.script.pop(0) if self.server.script else (200, answer())
            self.server.flying += 1
            self.server.most = max(self.server.most, self.server.flying)
        time.sleep(0.02)
        with self.server.lock:
            self.server.flying -= 1
        if step == "hang":
            time.sleep(3)
        if step in ("drop", "hang"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, text = step
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if text.startswith("<") else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def made(*urls, **changes):
    options = {"base_urls": list(urls), "api_key": "none", "timeout": 1.0, "retries": 2, "extra_body": {}}
    return OpenAIBackend(CAPTIONER | {"model": "m", "openai": options | changes.pop("openai", {})} | changes)


def told(backend, count, size=(60, 40)):
    requests = [Request(n, prompt_of("json", "1girl", ""), Image.new("RGB", size, (n, 0, 0))) for n in range(count)]
    batches = ([backend.prepare(request)] for request in requests)
    outcomes = [outcome for some in backend.generate(batches) for outcome in some]
    assert sorted(outcome.id for outcome in outcomes) == list(range(count))
    return {outcome.id: outcome for outcome in outcomes}


def test_a_request_says_and_shows_what_it_should():
    server = Server((200, answer('{"a": "b"}')))
    outcome = told(made(server.url, constrained=True, max_new_tokens=77, top_p=0.9, openai={"extra_body": {"top_k": 1}}), 1)[0]
    assert (outcome.text, outcome.finish_reason, outcome.prompt_tokens, outcome.completion_tokens) == (
        '{"a": "b"}',
        "stop",
        11,
        5,
    )
    (asked,) = server.asked
    settings = {name: value for name, value in asked.items() if name != "messages"}
    assert settings == {
        "model": "m",
        "max_tokens": 77,
        "temperature": 0,
        "top_p": 0.9,
        "top_k": 1,
        "response_format": {"type": "json_object"},
    }
    system, user = asked["messages"]
    prompt = prompt_of("json", "1girl", "")
    assert (system["content"], user["content"][1]["text"]) == prompt
    data = base64.b64decode(user["content"][0]["image_url"]["url"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.getpixel((0, 0))) == ((60, 40), (0, 0, 0))


@pytest.mark.parametrize("fault", [(429, "{}"), (500, "oh"), (503, "{}"), "drop"])
def test_what_passes_is_tried_again(fault):
    assert isinstance(told(made(Server(fault, fault).url), 1)[0], Result)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((400, '{"error": {"message": "image too strange"}}'), "image too strange"),
        ((200, "<html>proxy</html>"), "not an answer of the chat API"),
        ((200, '{"id": "1", "choi'), "not an answer of the chat API"),
        ((200, "{}"), "not an answer of the chat API"),
        ((200, '{"choices": []}'), "not an answer of the chat API"),
        ((200, answer(None)), "without text"),
        ("hang", "too long"),
    ],
)
def test_a_broken_answer_costs_its_own_request_only(fault, says):
    server = Server(fault)
    outcomes = told(made(server.url, batch_size=1, openai={"retries": 0}), 4)
    assert isinstance(outcomes[0], Failed)
    assert says in outcomes[0].reason
    assert [outcomes[n].text for n in (1, 2, 3)] == ["fine"] * 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_the_run(status):
    with pytest.raises(UserError, match=r"captioner\.openai: .*mend api_key or model"):
        told(made(Server((status, '{"error": {"message": "no"}}')).url), 1)


def test_no_server_is_an_error_that_says_where():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(UserError, match=f"no server answers at {url}"):
        told(made(url, openai={"retries": 0}), 1)


def test_a_server_that_always_drops_one_request_loses_only_that():
    outcomes = told(made(Server("drop").url, batch_size=1, openai={"retries": 0}), 2)
    assert isinstance(outcomes[0], Failed)
    assert isinstance(outcomes[1], Result)


def test_several_servers_share_the_work_and_stand_in_for_each_other():
    servers = [Server() for _ in range(2)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    outcomes = told(made(servers[0].url, gone, servers[1].url, openai={"retries": 0}), 30)
    assert all(isinstance(outcome, Result) for outcome in outcomes.values())
    assert min(len(server.asked) for server in servers) >= 10


def test_no_more_requests_at_once_than_the_batch_size():
    server = Server()
    told(made(server.url, batch_size=3), 20)
    assert server.most == 3


def test_an_answer_that_was_cut_while_looping_says_so():
    looping = answer("A cat. " + "All night. " * 60, "length")
    assert told(made(Server((200, looping)).url), 1)[0].finish_reason == "repetition"


def test_images_are_sent_no_larger_than_the_limit():
    assert shrunk(Image.new("RGB", (300, 200)), 60000).size == (300, 200)
    width, height = shrunk(Image.new("RGB", (3000, 2000)), 60000).size
    assert width * height <= 60000
    assert abs(width / height - 1.5) < 0.02
    assert shrunk(Image.new("RGB", (5000, 1)), 100).size[1] == 1


def serve(port, home):
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    program = Path(sys.executable).with_name("transformers")
    options = ["--trust-remote-code", "--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(
        [program, "serve", ROOT / "sample/captioner", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def ready(port, process):
    for _ in range(300):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.2)
    pytest.fail("the server did not start")


@pytest.mark.server
def test_a_real_server_killed_and_restarted_in_mid_run_loses_nothing(tmp_path):
    pytest.importorskip("uvicorn")
    from transformers.utils import logging

    from booruflow.captioning.backends.transformers import TransformersBackend

    logging.disable_progress_bar()
    (tmp_path / "hub").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = sorted((ROOT / "sample/images").glob("*.webp"))[:16]
    images = []
    for file in files:
        with Image.open(file) as image:
            images.append(image.convert("RGB"))
    requests = [Request(n, prompt_of("json", "1girl", ""), image) for n, image in enumerate(images)]
    folder = str(ROOT / "sample/captioner")
    changes = {"model": folder, "max_new_tokens": 200, "max_pixels": None, "min_pixels": None, "batch_size": 2}
    options = {"timeout": 60.0, "retries": 8}
    backend = made(f"http://127.0.0.1:{port}/v1", openai=options, **changes)
    process = serve(port, tmp_path)
    try:
        ready(port, process)
        outcomes = []
        for some in backend.generate([backend.prepare(request)] for request in requests):
            outcomes += some
            if len(outcomes) == 4:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                process = serve(port, tmp_path)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert Counter(type(outcome) for outcome in outcomes) == {Result: 16}
    direct = TransformersBackend(CAPTIONER | changes)
    direct.load()
    same = [result for some in direct.generate(iter([[direct.prepare(request)] for request in requests])) for result in some]
    assert {one.id: one.text for one in outcomes} == {one.id: one.text for one in same}
