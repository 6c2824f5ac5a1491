"""Chromium for the tests of pages, and a watch over what goes wrong in it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error("content security policy:", event.violatedDirective, event.blockedURI);
}, true);
"""


def needs(what: str) -> str:
    """Skip the test for want of *what*, or fail where CI must run it."""
    if os.environ.get("ADI_ANALYTICS_REQUIRE_BROWSER") == "1":
        pytest.fail(f"CI must open the pages in a browser, but {what} is missing")
    pytest.skip(f"this test needs {what}")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium that is installed.

    While it runs, this thread counts as one with a running asyncio loop: `asyncio.run` fails.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        needs("playwright (pip install playwright)")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None) or needs("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Notes what goes wrong in the pages of a context.

    That is an error on the console or in a script, what the content security policy forbids, and a request to another
    host. That a page has no icon is no error.

    Attributes:
        problems: What went wrong, without what was allowed.
    """

    def __init__(self, context: BrowserContext, *urls: str) -> None:
        """Begin; the pages may speak to the hosts of *urls*."""
        self.problems: list[str] = []
        self._hosts = {urlsplit(url).netloc for url in urls}
        self._allowed: list[re.Pattern[str]] = []
        context.add_init_script(_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"uncaught: {error.error}"))
        context.on("request", self._request)

    def allow(self, pattern: str) -> None:
        """Take errors that *pattern* is found in as they come: the test makes them."""
        self._allowed.append(re.compile(pattern))

    def allow_host(self, url: str) -> None:
        """Let the pages speak to the host of *url*, too."""
        self._hosts.add(urlsplit(url).netloc)

    def _console(self, message: Any) -> None:
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            self._note(f"console: {message.text} ({message.location['url']})")

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self._note(f"request to another host: {request.url}")

    def _note(self, problem: str) -> None:
        if not any(pattern.search(problem) for pattern in self._allowed):
            self.problems.append(problem)


@contextlib.contextmanager
def watched(browser: Browser, *urls: str) -> Iterator[tuple[Page, Watch]]:
    """Yield a page of its own, and the watch over it; at the end, fail if something went wrong.

    Locale and time zone are set: left alone they are the machine's, and `Intl` refuses `en-US@posix`.
    """
    context = browser.new_context(base_url=urls[0], locale="en-US", timezone_id="UTC")
    context.set_default_timeout(30_000)
    watch = Watch(context, *urls)
    try:
        page = context.new_page()
        yield page, watch
        page.evaluate("0")  # what was reported before has arrived when this has
        assert not watch.problems, "\n".join(watch.problems)
    finally:
        context.close()


def until(page: Page, condition: str, arg: Any = None) -> None:
    """Wait until *condition*, an expression or a function in JavaScript, holds in *page*; fail after 30 s.

    Playwright's `wait_for_function` evaluates a text inside the page each time but the first, which the content
    security policy of our pages forbids.
    """
    deadline = time.monotonic() + 30
    while not page.evaluate(condition, arg):
        assert time.monotonic() < deadline, f"not within 30 s: {condition}"
        page.wait_for_timeout(50)
