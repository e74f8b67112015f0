"""One server of the OpenAI chat API (/chat/completions): requests that are bounded in time and size.

Nothing that a server sends holds the job or ends it: the time limit covers the whole answer, its size is limited, compressed
answers and redirects are not accepted, and whatever is no answer of the API is the failure of that one request.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from booruflow.captioning.backends.serving.redaction import texts_in

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 16 << 20
"""The longest answer of 32,768 tokens is far smaller."""
MAX_ERROR_BYTES = 64 << 10
"""Of the body of an error that are looked at."""
FIRST_PAUSE, MAX_PAUSE, MAX_RETRY_AFTER = 0.5, 8.0, 60.0
"""Seconds before a request is repeated: the first pause, the longest one, and the longest that a server can ask for."""
ACCESS_REFUSED = {401, 403, 404}
"""Statuses for a refused key and for an unknown model: they hold for all requests."""
REQUEST_REFUSED = {400, 413, 422}
"""Statuses that say something of the request: another server would refuse it as well."""
TEMPORARY = {408, 409, 429}
"""Statuses besides 5xx after which a request is repeated."""


class RequestError(Exception):
    """A request got no completion; `reason` is what is known of why, as the server put it: redact it before it is shown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AccessError(RequestError):
    """The server knows neither key nor model: all requests would fail."""


class RefusedError(RequestError):
    """The server cannot take this request."""


class ServerError(RequestError):
    """What may be the server's fault: an error status, no answer of the API; another server may answer."""


class BusyError(ServerError):
    """The server has more requests than it takes (status 429 or 503)."""


class AnswerTimeoutError(ServerError):
    """There was no complete answer within the time limit."""


class ConnectionLostError(ServerError):
    """There is no connection, or it ended before the answer did."""


@dataclass(frozen=True)
class Completion:
    """A server's answer to a request, verbatim; the token counts are 0 where the server does not say them."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class ChatClient:
    """Requests to one server; call its coroutines in one event loop only."""

    def __init__(self, base_url: str, key: str, timeout: float, retries: int, proxies: bool = True) -> None:
        """Set up; no connection is made yet.

        Args:
            base_url: the address before `/chat/completions`.
            key: the API key; "" for none.
            timeout: seconds for one answer, from the request to its last byte.
            retries: how often a request is repeated after a temporary refusal or a lost connection.
            proxies: whether to use those of the environment (HTTPS_PROXY and its like).
        """
        import httpx

        self.base_url, self._timeout, self._retries = base_url, timeout, retries
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._http = httpx.AsyncClient(headers=headers, timeout=None, limits=limits, trust_env=proxies)
        self._url = base_url.rstrip("/") + "/chat/completions"

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def complete(self, body: bytes) -> Completion:
        """The completion for the JSON of a request.

        Raises:
            RequestError: there is none; see its subclasses.
        """
        for attempt in range(self._retries + 1):
            pause = min(FIRST_PAUSE * 2**attempt, MAX_PAUSE)
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._attempt(body)
            except TimeoutError:
                raise AnswerTimeoutError("the server took too long") from None
            except _TemporaryError as error:
                if attempt == self._retries:
                    raise error.failure from None
                pause = error.pause or pause
            except ConnectionLostError:
                if attempt == self._retries:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _attempt(self, body: bytes) -> Completion:
        import httpx

        if self._http.is_closed:
            raise ConnectionLostError("connection closed")
        try:
            async with self._http.stream("POST", self._url, content=body) as response:
                data = await _read(response)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ConnectionLostError(f"connection lost ({str(error) or type(error).__name__})") from None
        if response.is_success:
            return completion_of(data)
        raise _failure(response, data)


class _TemporaryError(Exception):
    """A refusal after which the request is repeated, in `pause` seconds if the server says so; else it is a `failure`."""

    def __init__(self, failure: ServerError, pause: float) -> None:
        self.failure, self.pause = failure, pause


async def _read(response: "httpx.Response") -> bytes:
    """The body of a response.

    Raises:
        ServerError: it is compressed, although that was not asked for, or larger than MAX_ANSWER_BYTES.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServerError("not an answer of the chat API (compressed, although that was not asked for)")
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > MAX_ANSWER_BYTES:
            raise ServerError(f"not an answer of the chat API (more than {MAX_ANSWER_BYTES:,} bytes)")
    return bytes(data)


def _failure(response: "httpx.Response", data: bytes) -> Exception:
    """What a response that is no success means."""
    status = response.status_code
    if response.is_redirect:
        return ServerError(f"status {status}: redirected to {response.headers.get('Location')}: name that address instead")
    reason = f"status {status}: {_explanation(data)}".removesuffix(": ")
    if status in ACCESS_REFUSED:
        return AccessError(reason)
    if status in REQUEST_REFUSED:
        return RefusedError(reason)
    failure = BusyError(reason) if status in (429, 503) else ServerError(reason)
    if status in TEMPORARY or status >= 500:
        return _TemporaryError(failure, _retry_after(response))
    return failure


def _explanation(data: bytes) -> str:
    """What the body of an error says: the texts of a JSON value, without its escapes, in which a secret would not be found."""
    data = data[:MAX_ERROR_BYTES]
    try:
        return " ".join(texts_in(json.loads(data)))
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace")


def _retry_after(response: "httpx.Response") -> float:
    """The pause in seconds that the server asks for; 0 if it asks for none that is reasonable."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= MAX_RETRY_AFTER else 0.0


def completion_of(data: bytes) -> Completion:
    """The completion in the body of a response.

    Raises:
        ServerError: it is no answer of the chat API.
    """
    try:
        answer: Any = json.loads(data)
        choice, usage = answer["choices"][0], answer.get("usage")
        text, finish_reason = choice["message"]["content"], choice.get("finish_reason") or "stop"
        counts = [usage[name] for name in ("prompt_tokens", "completion_tokens")] if usage is not None else [0, 0]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ServerError(f"not an answer of the chat API ({type(error).__name__}: {error})") from None
    if not isinstance(text, str) or not isinstance(finish_reason, str):
        raise ServerError("not an answer of the chat API (an answer without text)")
    if not all(type(count) is int and 0 <= count < 1 << 31 for count in counts):
        raise ServerError("not an answer of the chat API (token counts that are none)")
    text, finish_reason = (_utf8(part) for part in (text, finish_reason))
    return Completion(text, finish_reason, counts[0], counts[1])


def _utf8(text: str) -> str:
    """The text without half surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
