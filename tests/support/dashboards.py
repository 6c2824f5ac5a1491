"""What the tests of the dashboard do in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from support.codegen.typescript import npm_file

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

RANGE: Final = "2026-01-01,2026-02-05"
"""Most of the days of the stream; the first 25 are stored."""


def sign_in(page: Page, token: str) -> None:
    """Begin a session, as the form does."""
    answer = page.request.post("/api/analytics/session", data={"token": token})
    assert answer.status == 204, answer.text()


def loaded(page: Page, panel: Locator | None = None) -> None:
    """Wait until *panel* shows its numbers, or all that can be seen do."""
    if panel is not None:
        panel.locator(".panel-body:not([aria-busy])").wait_for()
        return
    page.locator(".panel").first.wait_for()
    near = "[...document.querySelectorAll('.panel')].filter(one => one.getBoundingClientRect().top < innerHeight)"
    for place in range(page.evaluate(f"{near}.length")):
        loaded(page, page.locator(".panel").nth(place))


_WIDE: Final = """[...document.querySelectorAll("body *")]
    .filter(one => !one.closest(".scroll, .contents, .u-wrap, dialog, .unseen, .skip"))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 80))"""


def widths(page: Page) -> list[Any]:
    """Return what is wider than the window, and can't be scrolled by itself."""
    found: list[Any] = page.evaluate(_WIDE)
    return found


def barriers(page: Page, rule: str | None = None) -> list[str]:
    """Return what axe finds in the page that keeps somebody from using it, by all its rules or by one.

    Of a table it looks at the first rows, since the others are as these.
    """
    page.evaluate(npm_file("axe-core/axe.min.js").read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("rule => axe.run({exclude: [['tr:nth-child(n+4)']]}, rule ? {runOnly: [rule]} : {})", rule)
    assert len(found["passes"]) >= (1 if rule else 10)  # it looked
    return [f"{one['id']}: {node['html'][:150]}" for one in found["violations"] for node in one["nodes"]]
