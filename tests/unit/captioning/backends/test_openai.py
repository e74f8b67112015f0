import base64
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from chat_server import Server, completion
from openai_backend import answers_of, backend_for
from PIL import Image
from small_shards import CAPTIONER

from booruflow.captioning.backends.interface import Failed, Generation, Request
from booruflow.captioning.backends.serving.chat_body import limit_pixels
from booruflow.captioning.prompts.prompt import prompt_of
from booruflow.core.errors import UserError

ROOT = Path(__file__).parents[4]


def test_a_request_holds_settings_prompt_and_image():
    server = Server((200, completion('{"a": "b"}')))
    generation = answers_of(
        backend_for(server.url, constrained=True, max_new_tokens=77, top_p=0.9, openai={"extra_body": {"top_k": 1}}), 1
    )[0]
    assert (generation.text, generation.finish_reason, generation.prompt_tokens, generation.completion_tokens) == (
        '{"a": "b"}',
        "stop",
        11,
        5,
    )
    (sent,) = server.requests
    settings = {name: value for name, value in sent.items() if name != "messages"}
    assert settings == {
        "model": "m",
        "max_tokens": 77,
        "temperature": 0,
        "top_p": 0.9,
        "top_k": 1,
        "response_format": {"type": "json_object"},
    }
    system, user = sent["messages"]
    prompt = prompt_of("json", "1girl", "")
    assert (system["content"], user["content"][1]["text"]) == prompt
    data = base64.b64decode(user["content"][0]["image_url"]["url"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.getpixel((0, 0))) == ((60, 40), (0, 0, 0))


@pytest.mark.parametrize("fault", [(429, "{}"), (500, "oh"), (503, "{}"), "drop"])
def test_temporary_failures_are_retried(fault):
    assert isinstance(answers_of(backend_for(Server(fault, fault).url), 1)[0], Generation)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ((400, '{"error": {"message": "image too strange"}}'), "image too strange"),
        ((200, "<html>proxy</html>"), "not an answer of the chat API"),
        ((200, '{"id": "1", "choi'), "not an answer of the chat API"),
        ((200, "{}"), "not an answer of the chat API"),
        ((200, '{"choices": []}'), "not an answer of the chat API"),
        ((200, completion(None)), "without text"),
        ("hang", "too long"),
    ],
)
def test_a_broken_answer_fails_only_its_own_request(fault, message):
    server = Server(fault)
    answers = answers_of(backend_for(server.url, batch_size=1, openai={"retries": 0}), 4)
    assert isinstance(answers[0], Failed)
    assert message in answers[0].reason
    assert [answers[n].text for n in (1, 2, 3)] == ["fine"] * 3


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_the_run(status):
    with pytest.raises(UserError, match=r"captioner\.openai: .*correct the API key or captioner\.model"):
        answers_of(backend_for(Server((status, '{"error": {"message": "no"}}')).url), 1)


def test_the_error_for_no_server_names_the_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(UserError, match=f"no server answers at {url}"):
        answers_of(backend_for(url, openai={"retries": 0}), 1)


def test_a_dropped_connection_fails_only_its_own_request():
    answers = answers_of(backend_for(Server("drop").url, batch_size=1, openai={"retries": 0}), 2)
    assert isinstance(answers[0], Failed)
    assert isinstance(answers[1], Generation)


def test_several_servers_share_the_work_and_replace_each_other():
    servers = [Server() for _ in range(2)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    answers = answers_of(backend_for(servers[0].url, gone, servers[1].url, openai={"retries": 0}), 30)
    assert all(isinstance(answer, Generation) for answer in answers.values())
    assert min(len(server.requests) for server in servers) >= 10


@pytest.mark.parametrize("fault", [(500, "oh"), (429, "{}"), (200, "<html>proxy</html>"), (200, ""), "drop", "hang"])
def test_another_server_takes_over_what_may_be_a_servers_fault(fault):
    broken, working = Server(*[fault] * 9), Server()
    answers = answers_of(backend_for(broken.url, working.url, openai={"retries": 0}), 3)
    assert all(isinstance(answer, Generation) for answer in answers.values())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_not_sent_to_another_server(status):
    working = Server()
    answers = answers_of(backend_for(Server((status, "{}")).url, working.url, batch_size=1), 1)
    assert answers[0].reason.startswith(f"status {status}")
    assert working.requests == []


def test_a_pause_that_a_server_asks_for_is_kept():
    def busy(handler):
        handler.send_response(429)
        handler.send_header("Retry-After", "2")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    start = time.monotonic()
    assert isinstance(answers_of(backend_for(Server(busy).url, openai={"timeout": 9}), 1)[0], Generation)
    assert time.monotonic() - start >= 2


def test_at_most_batch_size_requests_run_concurrently():
    server = Server()
    answers_of(backend_for(server.url, batch_size=3), 20)
    assert server.peak == 3


def test_an_answer_cut_while_looping_ends_with_repetition():
    looping = completion("A cat. " + "All night. " * 60, "length")
    assert answers_of(backend_for(Server((200, looping)).url), 1)[0].finish_reason == "repetition"


def test_images_are_scaled_down_to_the_limit():
    assert limit_pixels(Image.new("RGB", (300, 200)), 60000).size == (300, 200)
    width, height = limit_pixels(Image.new("RGB", (3000, 2000)), 60000).size
    assert width * height <= 60000
    assert abs(width / height - 1.5) < 0.02
    assert limit_pixels(Image.new("RGB", (5000, 1)), 100).size[1] == 1


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
def test_a_real_server_killed_and_restarted_during_the_run_loses_nothing(tmp_path):
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
    backend = backend_for(f"http://127.0.0.1:{port}/v1", openai=options, **changes)
    process = serve(port, tmp_path)
    try:
        ready(port, process)
        answers = []
        for part in backend.generate([backend.prepare(request)] for request in requests):
            answers += part
            if len(answers) == 4:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                process = serve(port, tmp_path)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert Counter(type(answer) for answer in answers) == {Generation: 16}
    direct = TransformersBackend(CAPTIONER | changes)
    direct.load()
    direct_batches = iter([[direct.prepare(request)] for request in requests])
    direct_answers = [answer for part in direct.generate(direct_batches) for answer in part]
    assert {answer.id: answer.text for answer in answers} == {answer.id: answer.text for answer in direct_answers}
