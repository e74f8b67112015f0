"""A real Chromium, that of Debian (`apt install chromium`); without it these tests are skipped."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from review_posts import FIRST, SECOND, BadPost, write_data_set
from review_server import ReviewServer

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once for each file: while it runs, this thread has a running event loop."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("the review page is tested in Debian's Chromium, which is not installed: apt install chromium")
    # root, as in a container, has no sandbox
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class Seen:
    """What the browser did in a test."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    """The files that the test itself opened, by URL."""

    def watch(self, page: Page) -> None:
        """Record the requests and the errors of a tab, among them what its policy forbids."""
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: "Content Security Policy" in said.text and self.errors.append(said.text))


@pytest.fixture
def seen() -> Seen:
    """What the browser did in this test."""
    return Seen()


@pytest.fixture
def context(browser: Browser, seen: Seen) -> Iterator[BrowserContext]:
    """A browser without history; a test fails if a script fails or a request leaves the machine."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.on("page", seen.watch)
    yield context
    context.close()
    assert seen.errors == []
    asked = [url for url in seen.requests if url not in seen.opened]
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} <= {"127.0.0.1"}


@pytest.fixture
def serve() -> Iterator[Callable[..., ReviewServer]]:
    """Start servers, which are killed at the end."""
    servers = []

    def start(folder: Path, **options: str) -> ReviewServer:
        servers.append(ReviewServer(folder, **options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two posts to repair."""
    return write_data_set(tmp_path / "set", [BadPost(FIRST), BadPost(SECOND)])


@pytest.fixture
def open_page(context: BrowserContext, serve: Callable[..., ReviewServer]) -> Callable[..., tuple[ReviewServer, Page]]:
    """Open a page of a new server in a tab."""

    def opened(folder: Path, path: str = "/") -> tuple[ReviewServer, Page]:
        server = serve(folder)
        page = context.new_page()
        page.goto(server.url(path))
        return server, page

    return opened
