import base64
import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from unittest.mock import ANY

import pytest
from chat_server import Server, completion
from PIL import Image
from small_shards import CAPTIONER

from booruflow.captioning.backends.interface import Failed, Generation, Request
from booruflow.captioning.backends.openai import OpenAIBackend, api_key
from booruflow.captioning.backends.serving.chat_body import limit_pixels
from booruflow.captioning.prompts.prompt import prompt_of
from booruflow.core.errors import UserError

ROOT = Path(__file__).parents[4]


def backend_for(*urls, **changes):
    options = {"base_urls": list(urls), "api_key_file": None, "timeout": 1.0, "retries": 2, "extra_body": {}}
    return OpenAIBackend(CAPTIONER | {"model": "m", "openai": options | changes.pop("openai", {})} | changes)


def answers_of(backend, count, size=(60, 40)):
    requests = [Request(n, prompt_of("json", "1girl", ""), Image.new("RGB", size, (n, 0, 0))) for n in range(count)]
    batches = ([backend.prepare(request)] for request in requests)
    answers = [answer for part in backend.generate(batches) for answer in part]
    assert sorted(answer.id for answer in answers) == list(range(count))
    return {answer.id: answer for answer in answers}


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


BROKEN_ANSWERS = [
    '{"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}',
    '{"choices": [{"message": {"content": ["a"]}}]}',
    '{"choices": [{"message": null}]}',
    '{"choices": "none"}',
    '{"choices": {"0": {}}}',
    completion().replace('"prompt_tokens": 11', '"prompt_tokens": "many"'),
    completion().replace('"usage": {', '"usage": 7, "other": {'),
    "null",
    "[]",
    "7",
    '"text"',
    "\x00\xff",
]


@pytest.mark.parametrize("body", BROKEN_ANSWERS)
def test_whatever_is_no_answer_of_the_chat_api_is_a_failure(body):
    answer = answers_of(backend_for(Server((200, body)).url, openai={"retries": 0}), 1)[0]
    assert isinstance(answer, Failed)
    assert answer.reason.startswith("not an answer of the chat API")
    assert "\n" not in answer.reason and len(answer.reason) <= 200


def test_an_answer_without_a_finish_reason_or_usage_is_taken():
    body = json.dumps({"choices": [{"message": {"content": "fine"}, "finish_reason": None}]})
    assert answers_of(backend_for(Server((200, body)).url), 1)[0] == Generation(0, "fine", "stop", 0, 0, ANY)


def head(handler, **headers):
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def trickling(handler):
    head(handler, Content_Length=10_000)
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def trickling_headers(handler):
    for _ in range(100):
        handler.wfile.write(b"X-More: 1\r\n" if _ else b"HTTP/1.1 200 OK\r\n")
        time.sleep(0.1)


def endless(handler):
    head(handler)
    while True:
        handler.wfile.write(b"[" * 1_000_000)


def unpacking_to_a_gigabyte(handler):
    packed = gzip.compress(bytes(50 << 20), 1)
    head(handler, Content_Encoding="gzip", Content_Length=20 * len(packed))
    for _ in range(20):
        handler.wfile.write(packed)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (trickling, "too long"),
        (trickling_headers, "too long"),
        (endless, "more than 16,777,216 bytes"),
        (unpacking_to_a_gigabyte, "compressed"),
        ((200, "[" * 100_000), "RecursionError"),
        ((200, completion().replace("11", "1" * 400)), "token counts"),
        ((200, completion().replace("11", "-1")), "token counts"),
        ((200, completion().replace("11", "true")), "token counts"),
    ],
)
def test_what_would_hold_or_fill_the_job_costs_one_request_only(step, message):
    server = Server(step)
    start = time.monotonic()
    answers = answers_of(backend_for(server.url, batch_size=1, openai={"retries": 3}), 3)
    assert message in answers[0].reason
    assert [answers[n].text for n in (1, 2)] == ["fine"] * 2
    assert time.monotonic() - start < 8
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_not_followed(status):
    elsewhere = Server()

    def redirect(handler):
        handler.send_response(status)
        handler.send_header("Location", elsewhere.url + "/chat/completions")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    answer = answers_of(backend_for(Server(redirect).url), 1)[0]
    assert f"redirected to {elsewhere.url}" in answer.reason
    assert elsewhere.requests == []


def test_a_pause_that_a_server_asks_for_is_kept():
    def busy(handler):
        handler.send_response(429)
        handler.send_header("Retry-After", "2")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    start = time.monotonic()
    assert isinstance(answers_of(backend_for(Server(busy).url, openai={"timeout": 9}), 1)[0], Generation)
    assert time.monotonic() - start >= 2


def test_half_a_surrogate_pair_becomes_a_question_mark():
    assert answers_of(backend_for(Server((200, completion("cut \ud83d"))).url), 1)[0].text == "cut ?"


def test_the_key_comes_from_the_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", " sk-from-environment\n")
    (tmp_path / "key").write_text("sk-from-file\n")
    assert api_key(None) == "sk-from-environment"
    assert api_key(str(tmp_path / "key")) == "sk-from-file"
    monkeypatch.delenv("OPENAI_API_KEY")
    assert api_key(None) == ""
    server = Server()
    answers_of(backend_for(server.url, openai={"api_key_file": str(tmp_path / "key")}), 1)
    assert server.authorizations == ["Bearer sk-from-file"]


@pytest.mark.parametrize("content", [b"", b"sk-one\nsk-two", b"sk with spaces", "sk-\u00fc".encode(), b"\xff\xfe"])
def test_what_is_no_key_is_refused_without_being_quoted(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"captioner\.openai\.api_key_file: .*key: not an API key") as error:
        backend_for("http://127.0.0.1:1/v1", openai={"api_key_file": str(path)}).identity()
    assert "sk" not in str(error.value).replace(str(path), "")


def test_a_key_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match=f"{path}: cannot be read"):
            api_key(str(path))


SECRET = "sk-4f9d1c0a77e2"


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
@pytest.mark.parametrize("place", ["key", "extra_body", "url"])
def test_no_message_shows_a_secret_that_a_server_quotes(tmp_path, status, place):
    (tmp_path / "key").write_text(SECRET if place == "key" else "other-key")
    server = Server(*[(status, json.dumps({"error": {"message": f"wrong:\n{SECRET}, in " + "long " * 90 + SECRET}}))] * 9)
    url = server.url.replace("://", f"://user:{SECRET}@") if place == "url" else server.url
    options = {"api_key_file": str(tmp_path / "key"), "retries": 0}
    options |= {"extra_body": {"auth": [{"token": SECRET}]} if place == "extra_body" else {}}
    backend = backend_for(url, openai=options)
    try:
        message = answers_of(backend, 1)[0].reason
    except UserError as error:
        message = str(error)
    assert SECRET not in message
    assert str(status) in message and "\n" not in message


def test_a_url_is_shown_without_its_secrets():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError) as error:
        answers_of(backend_for(f"http://me:{SECRET}@127.0.0.1:{port}/v1?key={SECRET}", openai={"retries": 0}), 1)
    assert SECRET not in str(error.value)
    assert f"no server answers at http://***@127.0.0.1:{port}/v1?***: start it" in str(error.value)


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
