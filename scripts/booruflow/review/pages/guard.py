"""Who may ask the server: the same machine, or whoever has the token; and what the browser may do with the answers.

A page of another site can make a browser send requests to 127.0.0.1, and can point its own name there (DNS rebinding). So on a
loopback address the name in the Host header must be one of that address, on any address requests of other sites are refused.
"""

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "::1", "localhost")

SECURITY_HEADERS = {
    # scripts, styles, images and requests of this server only; nothing inline, no other site, in no frame
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def new_token() -> str:
    """A random token of 192 bits."""
    return secrets.token_urlsafe(24)


class Guard:
    """ASGI middleware in front of everything, pages, images and websockets.

    Args:
        app: the application.
        token: what the address must contain, None on a loopback address.
        port: of the server; part of the cookie's name, since browsers share cookies among the ports of a machine.
    """

    def __init__(self, app: ASGIApp, token: str | None, port: int) -> None:
        self._app, self._token, self._cookie = app, token, f"booruflow-review-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = _foreign(scope, headers) or self._unknown(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await refusal(scope, receive, _with_headers(send))

    def _unknown(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """The answer to one who has no token or, without one, calls the server by a name that is not of this machine."""
        if self._token is None:
            if _host_name(headers.get("host", "")) in LOOPBACK:
                return None
            return PlainTextResponse("refused: open the page as http://127.0.0.1", 403)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if given and _equal(given[0], self._token):
            if scope["type"] == "websocket":
                return None
            answer = RedirectResponse(scope["path"], 303)  # the token does not stay in the address
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="lax")
            return answer
        if _equal(_cookie(headers.get("cookie", ""), self._cookie), self._token):
            return None
        return PlainTextResponse("refused: open the address with the token that `booruflow review` printed", 403)


def _foreign(scope: Scope, headers: Mapping[str, str]) -> Response | None:
    """A refusal if a page of another site sent the request; opening a page by a link is no such request."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return PlainTextResponse("refused: sent by a page of another site", 403)
    is_link = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_link:
        return PlainTextResponse("refused: sent by a page of another site", 403)
    return None


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _equal(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _cookie(header: str, name: str) -> str:
    try:
        cookie = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(SECURITY_HEADERS)
        await send(message)

    return send_with_headers
