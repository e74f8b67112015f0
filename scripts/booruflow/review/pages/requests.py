"""What the browser sends, checked: numbers, words and texts, never a path."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from booruflow.review.model import Origin, Query
from booruflow.review.queue import QueueFilter

MAX_BODY = 8 << 20
"""Bytes of a request; the longest caption is far shorter."""

MAX_COUNT = 200
"""Posts of one answer."""

MAX_ID = (1 << 63) - 1
"""Ids are 64-bit integers."""

_DONE = {"left": False, "done": True, "all": None}


def number(values: Mapping[str, str], name: str, default: int) -> int:
    """An integer of the address."""
    try:
        value = int(values.get(name, default))
    except ValueError as error:
        raise HTTPException(400, f"{name} is no number") from error
    if abs(value) > MAX_ID:
        raise HTTPException(400, f"{name} is too large")
    return value


def shard(values: Mapping[str, str]) -> int | None:
    """The shard of the address, None without one."""
    return number(values, "shard", 0) if values.get("shard") else None


def queue_filter(values: Mapping[str, str]) -> QueueFilter:
    """The filter of the repair queue in the address."""
    return QueueFilter(
        **{name: values.get(name, "") for name in ("reason", "flag", "rating", "tag", "text")},
        shard=shard(values),
        done=_DONE.get(values.get("state", "left"), False),
    )


def post_query(values: Mapping[str, str]) -> Query:
    """The search among all posts in the address."""
    origin = values.get("origin")
    if origin and origin not in set(Origin):
        raise HTTPException(400, "no such origin")
    return Query(
        **{name: values.get(name, "") for name in ("rating", "text", "reason", "flag")},
        tags=tuple(values.get("tags", "").split()),
        shard=shard(values),
        origin=Origin(origin) if origin else None,
    )


async def body(request: Request, **kinds: type) -> dict[str, Any]:
    """The JSON object of a POST request, with exactly the keys `kinds`, each of its type.

    Its content type must be JSON: a form of another site cannot send that.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the content type must be application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise HTTPException(413, f"more than {MAX_BODY >> 20} MiB")
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "the text is not valid Unicode, or the request is no JSON") from error
    if not isinstance(values, dict) or {name: type(value) for name, value in values.items()} != kinds:
        raise HTTPException(400, f"expected {', '.join(kinds)}")
    return values
