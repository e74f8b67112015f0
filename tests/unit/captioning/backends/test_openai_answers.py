"""Answers of servers that are broken, or would hold or fill the job."""

import gzip
import json
import time
from unittest.mock import ANY

import pytest
from chat_server import Server, completion
from openai_backend import answers_of, backend_for

from booruflow.captioning.backends.interface import Failed, Generation

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


def test_half_a_surrogate_pair_becomes_a_question_mark():
    assert answers_of(backend_for(Server((200, completion("cut \ud83d"))).url), 1)[0].text == "cut ?"
