"""A real service with events in its database, and pages of it in Chromium; one of each for a file.

Not one for the session: while Playwright runs, the tests of other files could not call `asyncio.run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support.browsing import chromium, watched
from support.reading import fill
from support.serving import running, token_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from support.browsing import Watch
    from support.servers import Databases


@dataclass(frozen=True)
class Site:
    """A service that runs, with tokens.

    Attributes:
        url: Where it answers.
        token: Reads.
        ingest_token: Sends events.
        dsn: Its database, as the owner.
    """

    url: str
    token: str
    ingest_token: str
    dsn: str


@pytest.fixture(scope="module")
def server_arguments() -> list[str]:
    """More arguments of ``analytics-server run``; a file may have its own."""
    return []


@pytest.fixture(scope="module")
def site(databases: Databases, tmp_path_factory: pytest.TempPathFactory, server_arguments: list[str]) -> Iterator[Site]:
    """A service of our own catalog, with 40 days of events, 25 of them refreshed."""
    with databases.migrated() as dsn:
        fill(dsn)
        given = (token_for(dsn, "read"), token_for(dsn, "ingest"))
        with running(dsn, tmp_path_factory.mktemp("site"), *server_arguments, tokens=True) as url:
            yield Site(url, *given, dsn)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[tuple[Page, Watch]]:
    """An empty page with nothing kept from before, and the watch over it."""
    with watched(browser, site.url) as both:
        yield both


@pytest.fixture
def page(opened: tuple[Page, Watch]) -> Page:
    """The page; `page.goto("/path")` opens a path of the service. What goes wrong in it fails the test."""
    return opened[0]


@pytest.fixture
def watch(opened: tuple[Page, Watch]) -> Watch:
    """What watches over the page, to allow errors that the test makes."""
    return opened[1]
