"""The pages and what they ask for. The server keeps nothing: what is saved is in the data set's files, the rest in the tab."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from booruflow.core.errors import UserError
from booruflow.review.dataset import Dataset
from booruflow.review.edits import Conflict
from booruflow.review.live_parser import Parsed
from booruflow.review.live_progress import Watch
from booruflow.review.pages.requests import MAX_COUNT, MAX_ID, body, number, post_query, queue_filter
from booruflow.review.queue import Queue
from booruflow.review.reading.images import NoImage

STATIC = Path(__file__).parent / "static"

PAGES = {"/": "queue.html", "/browse": "browse.html", "/progress": "progress.html"}

IMAGE_SIDES = {"thumb": 480, "view": 1600}
"""Longest sides in pixels of scaled images, by name; `full` is the stored file."""


def review_app(folder: Path) -> Starlette:
    """The application for the data set in `folder`.

    Raises:
        UserError: it holds no data set.
    """
    return Starlette(
        routes=[
            *(Route(path, _page(name)) for path, name in PAGES.items()),
            *Api(folder).routes(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={
            UserError: _refused(422),
            NoImage: _refused(404),
            Conflict: lambda _, error: _json({"error": str(error), "now": error.now}, 409),
            HTTPException: lambda _, error: _json({"error": error.detail}, error.status_code),
        },
    )


class Api:
    """The answers to the pages' requests."""

    def __init__(self, folder: Path) -> None:
        self._dataset = Dataset(folder)
        self._queue = Queue(self._dataset)
        self._watch, self._watching = Watch(folder), Lock()

    def routes(self) -> list[Route]:
        """What can be asked; GET changes nothing."""
        gets: dict[str, Callable[[Request], object]] = {
            "/api/about": self.about,
            "/api/queue": self.queue,
            "/api/queue/step": self.step,
            "/api/posts": self.posts,
            "/api/search": self.search,
            "/api/choices": self.choices,
            "/api/posts/{post:int}": self.post,
            "/api/posts/{post:int}/step": self.neighbour,
            "/api/progress": self.progress,
        }
        return [
            *(Route(path, _answering(answer)) for path, answer in gets.items()),
            Route("/image/{post:int}", self.image),
            Route("/api/posts/{post:int}/parsed", self.parsed, methods=["POST"]),
            Route("/api/posts/{post:int}/edit", self.save, methods=["POST"]),
            Route("/api/posts/{post:int}/mark", self.mark, methods=["POST"]),
            Route("/api/undo", self.undo, methods=["POST"]),
        ]

    def about(self, _: Request) -> object:
        """The data set, and which of its products are not there."""
        folder = self._dataset.folder.resolve()
        return {"folder": str(folder), "name": folder.name, "missing": self._dataset.missing(), "posts": self._dataset.count()}

    def queue(self, request: Request) -> object:
        """What is left and done, and how many entries match the filter."""
        page = self._queue.page(queue_filter(request.query_params), 0, 1)
        return {"counts": self._queue.counts(), "total": page.total}

    def step(self, request: Request) -> object:
        """The entry of the queue after or before an id, null if there is none."""
        values = request.query_params
        return self._queue.step(queue_filter(values), number(values, "post", -1), number(values, "step", 1))

    def posts(self, request: Request) -> object:
        """Posts by place; with `post` those from this id on."""
        values = request.query_params
        first = self._dataset.place(number(values, "post", 0)) if values.get("post") else number(values, "first", 0)
        return {"first": first, "posts": self._dataset.page(max(first, 0), _count(request)), "total": self._dataset.count()}

    def search(self, request: Request) -> object:
        """Posts that match a query, after an id."""
        values = request.query_params
        return self._dataset.search(post_query(values), number(values, "after", -1), _count(request))

    def choices(self, _: Request) -> object:
        """The flags, reasons and shards that a search offers."""
        return self._dataset.choices()

    def post(self, request: Request) -> object:
        """All of one post, with the edit that stands and what is wrong with the raw answer."""
        post = self._dataset.post(_id(request))
        if post is None:
            raise HTTPException(404, f"There is no post {_id(request)} in the data set.")
        raw = None if post.raw is None else self._dataset.parse_text(post.id, post.raw, post.finish_reason or "stop")
        return {"post": post, "edit": self._dataset.edits.get(post.id), "parsed": raw}

    def neighbour(self, request: Request) -> object:
        """The id of the post before or after one in the data set."""
        return self._dataset.neighbour(_id(request), number(request.query_params, "step", 1))

    def progress(self, _: Request) -> object:
        """How far captioning is."""
        with self._watching:  # a reader of what was added since the last time
            return self._watch.read()

    async def parsed(self, request: Request) -> Response:
        """The caption that the parser makes of a text that is being typed."""
        values = await body(request, action=str, text=str)
        return _json(await run_in_threadpool(self._parse, _id(request), values["action"], values["text"]))

    def _parse(self, post: int, action: str, text: str) -> Parsed:
        return self._dataset.parse_caption(text) if action == "caption" else self._dataset.parse_text(post, text)

    async def save(self, request: Request) -> Response:
        """Save an edit; 409 with what stands there if somebody else saved meanwhile."""
        values = await body(request, action=str, text=str, version=str, session=str)
        save = partial(self._dataset.edits.save, _id(request), **values)
        return _json(await run_in_threadpool(save))

    async def mark(self, request: Request) -> Response:
        """Mark a post for the queue, or take the mark back."""
        values = await body(request, marked=bool, version=str, session=str)
        return _json(await run_in_threadpool(partial(self._dataset.edits.mark, _id(request), **values)))

    async def undo(self, request: Request) -> Response:
        """Take the last change of a tab back; null if there is none."""
        values = await body(request, session=str)
        return _json(await run_in_threadpool(self._dataset.edits.undo, values["session"]))

    def image(self, request: Request) -> Response:
        """The image of a post, as stored or scaled."""
        post, size = _id(request), request.query_params.get("size", "view")
        if size == "full":
            data, media_type = self._dataset.images.original(post)
        elif size in IMAGE_SIDES:
            data, media_type = self._dataset.images.scaled(post, IMAGE_SIDES[size]), "image/webp"
        else:
            raise HTTPException(400, "no such size")
        return Response(data, media_type=media_type, headers={"cache-control": "private, max-age=300"})


def _id(request: Request) -> int:
    post: int = request.path_params["post"]
    if post > MAX_ID:
        raise HTTPException(404, "no post has such an id")
    return post


def _count(request: Request) -> int:
    return min(max(number(request.query_params, "count", 48), 1), MAX_COUNT)


def _page(name: str) -> Callable[[Request], Response]:
    return lambda _: FileResponse(STATIC / name, headers={"cache-control": "no-cache"})


def _json(value: object, status: int = 200) -> Response:
    data = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return Response(data, status, {"cache-control": "no-store"}, "application/json")


def _answering(answer: Callable[[Request], object]) -> Callable[[Request], Response]:
    """An endpoint, called in a thread, whose result is sent as JSON."""
    return lambda request: _json(answer(request))


def _refused(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: _json({"error": str(error)}, status)
