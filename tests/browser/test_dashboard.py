"""The dashboard in a browser: its numbers are the answers', its address is its state, the keyboard reaches all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from support.browsing import until
from support.dashboards import RANGE, answer_of, barriers, compared, loaded, sign_in, widths

if TYPE_CHECKING:
    from playwright.sync_api import Page

LATENCY = "analytics_api_latency_hourly"
TABLE = f"#panel-{LATENCY}\\.table"


@pytest.fixture
def dashboard(page, site):
    """The page, signed in, with the range of the stream."""
    sign_in(page, site.token)
    page.set_default_timeout(30_000)
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(f"/?range={RANGE}&compare=none")
    loaded(page)
    return page


def test_what_is_drawn_is_what_the_table_and_the_answer_say(dashboard):
    assert compared(dashboard) > 500


def test_a_dimension_with_many_values_names_a_few(dashboard):
    def widened(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        body["rows"] += [{**body["rows"][0], "provider": f"p{n:02}", "unique_users": 1} for n in range(40)]
        route.fulfill(response=answer, json=body)

    dashboard.route("**/aggregates/analytics_integration_health_daily?measures=unique_users&**", widened)
    dashboard.reload()
    panel = dashboard.locator("#panel-analytics_integration_health_daily\\.unique_users")
    panel.scroll_into_view_if_needed()
    loaded(dashboard, panel)
    said = panel.get_by_text("Not drawn: ").inner_text()
    assert said.endswith(" and others.")
    assert said.count(",") == 7


def test_a_table_that_is_cut_says_by_what(dashboard):
    """Also when it is sorted by another column, or by changes, which are known of its rows only."""

    def cut(route):
        answer = route.fetch(headers={**route.request.headers, "if-none-match": ""})
        body = answer.json() | {"next": "more"}
        body["rows"].append(dict.fromkeys(body["rows"][0], 0) | {"endpoint": "/gone", "previous_request_count": 7})
        route.fulfill(response=answer, json=body)

    dashboard.route("**/aggregates/analytics_api_latency_hourly?**limit=500**", cut)
    dashboard.get_by_label("Compare with").select_option("previous_period")
    panel = dashboard.locator("#panel-analytics_api_latency_hourly\\.table")
    panel.scroll_into_view_if_needed()
    notes = panel.locator(".panel-notes")
    notes.get_by_text("Only the 500 largest by Requests.").wait_for()
    assert panel.get_by_role("button", name="/gone").count() == 1  # no request now, and seven before
    panel.get_by_role("button", name="Server errors", exact=True).click()
    notes.get_by_text("Only the 500 largest by Server errors.").wait_for()
    panel.get_by_role("button", name="Change of Requests").click()
    notes.get_by_text("Only the 500 largest by Requests, sorted by change.").wait_for()


def test_a_refresh_moves_nothing_and_the_address_is_the_state(dashboard):
    page = dashboard
    page.evaluate(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "entry => window.moved += entry.value)).observe({type: 'layout-shift', buffered: false})"
    )
    kept = page.locator(".chart canvas").first.element_handle()
    sent: list[Any] = []
    page.on("response", lambda response: sent.append(response.status) if "/aggregates/" in response.url else None)
    page.get_by_role("button", name="Refresh").click()
    page.wait_for_timeout(200)
    loaded(page)
    assert set(sent) == {304}  # nothing changed
    assert page.evaluate("window.moved") == 0
    assert kept.evaluate("canvas => canvas.isConnected")  # not drawn anew
    page.set_viewport_size({"width": 360, "height": 700})
    page.wait_for_timeout(200)
    assert widths(page) == []
    page.set_viewport_size({"width": 1300, "height": 900})

    page.get_by_label("Range").select_option("7d")
    page.get_by_label("Compare with").select_option("previous_year")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Only where").select_option("service")
    page.get_by_label("is", exact=True).fill("a")
    page.get_by_role("button", name="Add").click()
    assert page.url.endswith("/?range=7d&compare=previous_year&filter.service=a")
    page.get_by_role("button", name="About API", exact=True).click()
    described = "API requests and their latency by hour, service, endpoint and method."
    page.get_by_role("dialog").get_by_text(described, exact=True).wait_for()
    assert "about=" in page.url
    page.go_back()
    assert not page.get_by_role("dialog").is_visible()
    shared = page.url
    page.goto("/")
    page.goto(shared)  # as somebody else opens the link
    assert page.get_by_label("Range").input_value() == "7d"
    assert page.get_by_label("Compare with").input_value() == "previous_year"
    assert page.get_by_role("button", name="Remove the filter Service: a").is_visible()
    page.get_by_role("button", name="Remove the filter Service: a").click()
    assert page.url.endswith("/?range=7d&compare=previous_year")


def test_a_number_leads_to_its_rows_its_statement_and_its_definition(dashboard):
    page, table = dashboard, dashboard.locator(TABLE)
    table.scroll_into_view_if_needed()
    loaded(page, table)
    table.get_by_role("combobox", name="By").select_option("service")
    table.get_by_role("button", name="p99 duration", exact=True).click()
    table.locator("th[aria-sort=descending]").filter(has_text="p99").wait_for()
    values = [float(row["p99_duration_ms"] or 0) for row in answer_of(page, table)]
    assert values == sorted(values, reverse=True)
    assert len(values) > 1
    table.get_by_role("button", name="b", exact=True).click()
    page.get_by_role("button", name="Remove the filter Service: b").wait_for()
    loaded(page, table)
    assert {row["service"] for row in answer_of(page, table)} == {"b"}
    table.get_by_role("button", name="SQL of").click()
    code = page.locator("dialog code")
    code.filter(has_text="select").wait_for()
    assert "analytics_api_latency_hourly" in code.inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="About Tasks", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("analytics_task_stats_daily:").wait_for()
    dialog.get_by_role("button", name="task_failed").click()
    dialog.get_by_text("Why it failed").wait_for()
    assert "about=task_failed" in page.url


def test_the_keyboard_alone_does_it(page, site, watch):
    """Sign in, skip to the numbers, read a chart point by point, hide a line, choose another range, sign out."""
    watch.allow("401")
    press = page.keyboard.press
    page.goto(f"/?range={RANGE}&compare=none")
    page.get_by_label("Token", exact=True).wait_for()
    page.keyboard.type(site.token)
    press("Enter")
    loaded(page)
    assert page.evaluate("document.activeElement.id") == "content"
    page.reload()
    loaded(page)
    press("Tab")
    assert focused(page) == "Skip to the numbers"
    press("Enter")
    tab_to(page, "Active users. Arrow keys move from point to point.")
    press("Home")
    press("ArrowRight")
    said = page.locator("#said")
    assert re.fullmatch(r"Fri, Jan 2, 2026: Daily active users \d+, .*Monthly active users \d+", said.inner_text())
    press("End")
    assert said.inner_text().startswith("Thu, Feb 5, 2026: ")
    tab_to(page, "Weekly active users")
    press("Enter")
    assert said.inner_text() == "Weekly active users hidden"
    page.get_by_label("Range").focus()
    page.keyboard.type("Yes")
    page.get_by_label("Range").press("Enter")
    page.wait_for_url("**/?range=yesterday&compare=none")
    tab_to(page, "Sign out", back=True)
    press("Enter")
    page.get_by_label("Token", exact=True).wait_for()
    assert page.request.get("/api/analytics/aggregates").status == 401


def focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()")
    return found


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if focused(page) == name:
            return
    pytest.fail(f"Tab never comes to {name}")


def test_there_are_no_barriers_in_either_theme(dashboard):
    """On all of the page, with an open table and a filter; in the drawer; on the form to sign in."""
    page = dashboard
    page.locator(".panel-series summary").first.click()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("is", exact=True).fill("a")
    page.get_by_role("button", name="Add").click()
    page.set_viewport_size({"width": 1300, "height": 4000})
    loaded(page)
    assert barriers(page) == []
    page.get_by_role("button", name="Dark theme").click()
    assert barriers(page, "color-contrast") == []
    page.set_viewport_size({"width": 1300, "height": 900})
    page.get_by_role("button", name="About API", exact=True).click()
    page.locator(".definition pre").wait_for()
    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token", exact=True).wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"  # the reader's, not the session's
    assert barriers(page) == []


def test_what_fails_is_said_and_what_is_there_stays(dashboard, site, watch):
    """A panel that the service refuses, a lost connection, a lost right."""
    watch.allow("503")
    problem = {"title": "Too slow", "detail": "Ask a shorter range.", "status": 503, "type": "urn:x:too-slow"}
    pattern = "**/aggregates/analytics_task_stats_daily?**"
    dashboard.route(
        pattern, lambda route: route.fulfill(status=503, json=problem, content_type="application/problem+json")
    )
    dashboard.get_by_label("Range").select_option("90d")
    panel = dashboard.locator(".panel", has=dashboard.get_by_role("button", name="Ask again")).first
    panel.get_by_text("Too slow").wait_for()
    assert panel.get_by_text("Ask a shorter range.").is_visible()
    dashboard.unroute(pattern)
    panel = dashboard.locator(f"#{panel.get_attribute('id').replace('.', chr(92) + '.')}")
    panel.get_by_role("button", name="Ask again").click()
    panel.locator(".tile-value").first.wait_for()

    watch.allow("400")
    dashboard.get_by_role("combobox", name="By", exact=True).first.select_option("month")
    dashboard.get_by_label("Compare with").select_option("previous_period")  # of no whole months
    dashboard.locator(".panel-notes", has_text="the range has no whole months").first.wait_for()
    dashboard.locator(".tile-value").first.wait_for()
    dashboard.get_by_label("Compare with").select_option("none")
    loaded(dashboard)

    watch.allow("ERR_INTERNET_DISCONNECTED")
    before = dashboard.locator(".tile-value").all_inner_texts()
    dashboard.context.set_offline(True)
    dashboard.get_by_role("button", name="Refresh").click()
    dashboard.get_by_text("The service can't be reached. What you see is of").wait_for()
    dashboard.locator(".panel.stale").first.wait_for()
    assert dashboard.locator(".tile-value").all_inner_texts() == before
    dashboard.context.set_offline(False)
    dashboard.get_by_role("button", name="Refresh").click()
    dashboard.locator(".panel.stale").first.wait_for(state="detached")
    assert not dashboard.get_by_text("The service can't be reached").is_visible()

    loaded(dashboard)  # what is asked without a right takes the button away
    watch.allow("40[13]")
    dashboard.context.clear_cookies()  # as when the token was revoked
    dashboard.get_by_role("button", name="Refresh").click()
    token = dashboard.get_by_label("Token", exact=True)
    token.fill(site.ingest_token)
    token.press("Enter")
    dashboard.get_by_text("it needs the scope read").wait_for()
    token.fill(site.token)
    token.press("Enter")
    loaded(dashboard)
    assert dashboard.url.endswith("/?range=90d&by=month&compare=none")


_SHEET = {"width": 794, "height": 1123}
"""A4, in CSS pixels."""
_STILL = "window.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} };"
"""On the way to paper no ResizeObserver is told."""


def test_paper_has_all_of_a_chart_in_light_colours(page, site):
    sign_in(page, site.token)
    page.add_init_script(_STILL + "localStorage.setItem('adi-analytics-theme', 'dark');")
    page.set_viewport_size({"width": 1500, "height": 900})
    page.goto(f"/?range={RANGE}&compare=none")
    shown = ".panel-retention, .panel-series, .panel-ratio"
    until(page, "shown => document.querySelectorAll(shown).length > 8", shown)
    for panel in page.locator(shown).all():
        panel.scroll_into_view_if_needed()
        loaded(page, panel)
    page.set_viewport_size(_SHEET)
    page.emulate_media(media="print")
    theme = "expected => document.documentElement.dataset.theme === expected"
    until(page, theme, "light")
    fits = "one => one.clientWidth === one.querySelector('canvas').clientWidth"
    charts = "[...document.querySelectorAll('.chart:has(canvas)')]"
    until(page, f"{charts}.length > 8 && {charts}.every({fits})")
    assert page.locator("table.cohorts tr").first.locator("th").count() > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= _SHEET["width"]
    page.emulate_media(media="screen")
    until(page, theme, "dark")
