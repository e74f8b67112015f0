import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from booruflow.review.pages.guard import SECURITY_HEADERS, Guard, new_token

TOKEN = "a-token"


async def greet(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(token=None, base="http://127.0.0.1:8420"):
    app = Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("page"), methods=["GET", "POST"]),
            Route("/image/1", lambda _: PlainTextResponse("image")),
            WebSocketRoute("/live", greet),
        ]
    )
    return TestClient(Guard(app, token, 8420), base_url=base)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8420", "localhost:9999", "[::1]:8420", "LOCALHOST"])
def test_this_machine_is_answered_by_its_own_names(host):
    assert client().get("/", headers={"host": host}).text == "page"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8420", "127.0.0.1@evil.example", "", "[::1"]
)
def test_another_name_for_this_machine_is_refused(host):
    answer = client().get("/", headers={"host": host})
    assert (answer.status_code, answer.text) == (403, "refused: open the page as http://127.0.0.1")


@pytest.mark.parametrize(
    "path", ["/", "/image/1", "/nothing", "/?token=", "/?token=a-toke", "/?token=a-token2", "/?token=%C3%A4"]
)
@pytest.mark.parametrize("host", ["192.168.0.7:8420", "127.0.0.1:8420"])
def test_nothing_is_answered_without_the_token(path, host):
    answer = client(TOKEN).get(path, headers={"host": host, "cookie": "booruflow-review-8420=wrong"})
    assert (answer.status_code, answer.text) == (403, "refused: open the address with the token that `booruflow review` printed")


def test_the_token_moves_from_the_address_into_a_cookie():
    browser = client(TOKEN, "http://192.168.0.7:8420")
    answer = browser.get("/?token=a-token", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=lax" in answer.headers["set-cookie"]
    assert (browser.get("/").text, browser.get("/image/1").text) == ("page", "image")


def test_the_cookie_of_a_server_on_another_port_is_another():
    browser = client(TOKEN, "http://192.168.0.7:8420")
    browser.cookies.set("booruflow-review-8421", TOKEN)
    assert browser.get("/").status_code == 403


def test_websockets_need_the_token_too():
    browser = client(TOKEN, "http://192.168.0.7:8420")
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/live"):
        pass
    with browser.websocket_connect("/live?token=a-token") as socket:
        assert socket.receive_text() == "hello"
    with browser.websocket_connect("/live", headers={"cookie": f"booruflow-review-8420={TOKEN}"}) as socket:
        assert socket.receive_text() == "hello"


def test_websockets_of_other_sites_are_refused():
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/live", headers={"origin": "http://evil.example"}):
        pass


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_requests_that_another_site_sends_are_refused(headers):
    assert client().post("/", headers={"host": "127.0.0.1:8420", **headers}).status_code == 403


def test_own_requests_and_links_from_elsewhere_are_answered():
    own = {"host": "127.0.0.1:8420", "origin": "http://127.0.0.1:8420", "sec-fetch-site": "same-origin"}
    link = {"host": "127.0.0.1:8420", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client().post("/", headers=own).text == client().get("/", headers=link).text == "page"


def test_every_answer_forbids_other_sources():
    for answer in (client().get("/"), client().get("/", headers={"host": "evil.example"}), client().get("/nothing")):
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_tokens_are_long_and_never_the_same():
    assert len({new_token() for _ in range(100)}) == 100 and len(new_token()) == 32
