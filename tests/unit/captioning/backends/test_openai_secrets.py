"""The API key, and that no message shows it."""

import json
import socket

import pytest
from chat_server import Server
from openai_backend import answers_of, backend_for

from booruflow.captioning.backends.openai import api_key
from booruflow.core.errors import UserError


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
