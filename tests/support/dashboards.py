"""What the tests of the dashboard do in a browser."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
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


def answer_of(page: Page, panel: Locator) -> list[dict[str, str]]:
    """Return the rows of the panel's CSV."""
    text = page.request.get(panel.get_by_role("link", name="CSV").get_attribute("href") or "").text()
    return list(csv.DictReader(io.StringIO(text)))


def number(text: str) -> float | None:
    return float(text) if text else None


def lines_of(rows: list[dict[str, str]], names: list[str]) -> list[list[float | None]]:
    """Return the lines that *rows* make: a column each, or if there is a dimension, a value of it each, by *names*."""
    columns = list(rows[0])
    if len(columns) != 3 or re.fullmatch(r"-?[\d.]*", rows[0][columns[1]]):
        return [[number(row[column]) for row in rows] for column in columns[1:]]
    times = list(dict.fromkeys(row[columns[0]] for row in rows))
    found = {(row[columns[0]], row[columns[1]]): number(row[columns[2]]) for row in rows}
    return [[found.get((at, "" if name == "(none)" else name)) for at in times] for name in names]


def compared(dashboard: Page) -> int:
    """Compare what the panels with lines draw with their tables and CSVs; return how many values that were."""
    panels = dashboard.locator(":is(.panel-series, .panel-ratio, .panel-percentiles)")
    values = 0
    for place in range(panels.count()):
        panel = panels.nth(place)
        panel.scroll_into_view_if_needed()
        loaded(dashboard, panel)
        times, *drawn = panel.locator(".chart").evaluate("chart => chart.plot.data")
        rows = answer_of(dashboard, panel)
        panel.locator("summary").click()
        table = panel.locator(".panel-data table").evaluate(
            "table => [...table.rows].map(row => [...row.cells].map((cell, place) => "
            "row.rowIndex && place ? (cell.title === '' ? null : Number(cell.title)) : cell.textContent))"
        )
        names, *cells = table
        at = next(iter(rows[0]))
        assert times == sorted({datetime.fromisoformat(row[at]).timestamp() for row in rows})
        assert drawn == [[row[column] for row in cells] for column in range(1, len(names))]
        assert drawn == lines_of(rows, names[1:])
        values += sum(value is not None for line in drawn for value in line)
    assert panels.count() > 10
    return values
