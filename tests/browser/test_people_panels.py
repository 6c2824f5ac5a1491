"""Panels about people, and the lines behind a number: what is shown is what the service answers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime

import pytest
from support.browsing import until
from support.paths import EVENTS

RANGE = {"between": "2026-01-01,2026-02-10"}
"""The days of the stream."""


@pytest.fixture
def ask(page, site):
    """What asks the service, signed in."""
    assert page.request.post("/api/analytics/session", data={"token": site.token}).ok

    def answer(path, **parameters):
        return page.request.get(f"/api/analytics{path}", params=parameters).json()

    return answer


@pytest.fixture
def section(page, ask):
    """What shows a section with all of its panels drawn."""

    def shown(name):
        page.goto(f"/?range={RANGE['between']}")
        found = page.locator(f"section[id='{name}']")
        found.scroll_into_view_if_needed()
        until(page, "name => !document.getElementById(name).querySelector('[aria-busy]')", name)
        return found

    return shown


def percent(share):
    return "\N{EN DASH}" if share is None else re.sub(r"\.0%$", "%", f"{share:.1%}")


def test_a_funnel_adds_up_the_attempts_of_the_range(section, ask):
    rows = ask("/funnels/task_flow", show="steps", **RANGE)["rows"]
    members: Counter[str] = Counter()
    for row in rows:
        members[row["step_name"]] += row["members"]
    first = members["created"]
    shown = section("task_flow")
    steps = [step.inner_text().split("\n")[:3] for step in shown.locator(".funnel-step").all()]
    assert steps == [[name.capitalize(), str(count), percent(count / first)] for name, count in members.items()]
    assert first > members["started"] > 0
    shown.get_by_text("Table").click()
    shown.locator("tbody tr").nth(len(rows) - 1).wait_for()
    assert shown.locator("tbody tr").count() == len(rows)


def of_steps(day, plan, members, seconds):
    """Return the rows of a funnel's day with a dimension."""
    names = ("created", "started", "done")
    return [
        {"day": f"{day}T00:00:00Z", "plan": plan, "step": place + 1, "step_name": names[place], "members": count,
         "rate": None, "step_rate": None, "seconds_p50": seconds if place else None, "seconds_p90": None}
        for place, count in enumerate(members)
    ]  # fmt: skip


def test_a_funnel_by_its_dimension_marks_what_can_still_get_further(page, ask):
    layout = ask("/dashboard")
    (panel,) = next(one for one in layout["sections"] if one["name"] == "task_flow")["panels"]
    panel["dimensions"] = [{"name": "plan", "title": "Plan"}]
    rows = [
        *of_steps("2026-01-01", "free", (8, 4, 1), 60),
        *of_steps("2026-01-02", "free", (2, 1, None), 120),
        *of_steps("2026-01-01", None, (20, 5, 5), 30),
    ]
    answer = {"rows": rows, "states": ["final"] * 3 + ["provisional"] * 3 + ["final"] * 3, "columns": [], "totals": {}}
    page.route("**/api/analytics/dashboard", lambda route: route.fulfill(json=layout))
    page.route("**/funnels/task_flow?*", lambda route: route.fulfill(json=answer))
    page.goto("/?panel.task_flow.steps.by=plan")
    shown = page.locator("section[id='task_flow']")
    shown.scroll_into_view_if_needed()
    shown.locator(".funnel").first.wait_for()
    totals = [one.inner_text().split("\n") for one in shown.locator(".funnel-total").all()]
    assert totals == [  # each in one piece: what stands apart has a gap before its comma
        ["(none)", "20 entered, 5 converted: 25%, 50% within 30 sec"],
        ["free", "10 entered, 1 converted: 10%, 50% within 1 min to 2 min"],
    ]
    open_ = shown.locator(".funnel").nth(1).locator(".funnel-bar").first
    assert open_.evaluate("one => one.style.getPropertyValue('--open')") == "0.2"
    notes = shown.locator(".panel-notes").inner_text()
    assert "members of 1 bucket that can still get further" in notes
    assert "Counts of few members are not shown, and not in the sums." in notes


def test_retention_says_that_few_members_are_not_shown(page, ask):
    cohort = {"day": "2026-01-01T00:00:00Z", "members": 9, "complete": True}
    rows = [{**cohort, "period": place, "returned": count, "rate": None} for place, count in enumerate((9, None))]
    bar = {"new_members": 9, "returning_members": None, "resurrected_members": 0, "dormant_members": 0}
    days = [{"day": "2026-01-01T00:00:00Z", **bar}]

    def answer(route):
        found = days if "show=lifecycle" in route.request.url else rows
        states = ["final"] * len(found)
        route.fulfill(json={"rows": found, "states": states, "columns": [], "totals": {}})

    page.route("**/retention/daily_retention?*", answer)
    page.goto("/")
    shown = page.locator("section[id='daily_retention']")
    shown.scroll_into_view_if_needed()
    for kind in ("retention", "lifecycle"):
        shown.locator(f".panel-{kind}").get_by_text("Counts of few members are not shown.", exact=True).wait_for()


def test_retention_is_a_grid_of_cohorts_and_periods(section, ask):
    cohorts: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for row in ask("/retention/daily_retention", show="cohorts", **RANGE)["rows"]:
        cohorts[row["day"]][row["period"]] = percent(row["rate"])
    means = ask("/retention/daily_retention", show="mean", **RANGE)["rows"]
    shown = section("daily_retention")
    grid = [row.locator("td.cell").all_inner_texts() for row in shown.locator("table.cohorts tbody tr").all()]
    assert grid[0] == [percent(row["rate"]) for row in means]
    assert [cells[: len(known)] for cells, known in zip(grid[1:], reversed(cohorts.values()), strict=True)] == [
        list(known.values()) for known in reversed(cohorts.values())
    ]
    assert len(grid[0]) > 20
    assert shown.locator("table.cohorts tbody th[scope=row]").count() == len(grid)


def test_a_lifecycle_is_drawn_in_bars_and_read_by_the_keyboard(section, ask, page):
    rows = ask("/retention/daily_retention", show="lifecycle", **RANGE)["rows"]
    shown = section("daily_retention")
    kinds = ("resurrected_members", "returning_members", "new_members", "dormant_members")  # from the top
    drawn = shown.locator(".stack").evaluate_all(
        "all => all.map(one => [...one.querySelectorAll('.part')]"
        ".map(part => Number(part.style.getPropertyValue('--value'))))"
    )
    assert [bar for bar in drawn if bar] == [[row[kind] for kind in kinds] for row in rows]
    days = (datetime.fromisoformat(rows[-1]["day"]) - datetime.fromisoformat(rows[0]["day"])).days
    assert len(drawn) == days + 1  # also those without anybody
    below = shown.locator(".stack-below").first.bounding_box()
    assert below["y"] >= shown.locator(".stack-above").first.bounding_box()["y"]
    shown.locator(".panel-lifecycle .chart").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    said = page.locator("#said").inner_text()
    assert said.startswith("Fri, Jan 2, 2026: ")
    assert f"Returning members {rows[1]['returning_members']}, " in said


def test_a_number_leads_to_its_lines_and_on_to_its_events_and_back(section, page):
    shown = section("task_flow")
    about = shown.get_by_role("button", name="About From task to success")
    about.click()
    drawer = page.get_by_role("dialog")
    lines = EVENTS.read_text(encoding="utf-8").splitlines()
    first = lines.index("  task_flow:") + 1
    drawer.get_by_text(f"events.yaml, line {first}").wait_for()
    assert "within: 7 days" in drawer.locator(".definition pre").inner_text()
    drawer.get_by_role("button", name="task_created").click()
    drawer.get_by_text("A task was created.").first.wait_for()
    assert "command: {type: string" in drawer.locator(".definition pre").inner_text()
    drawer.get_by_role("button", name="$user_id").click()
    drawer.get_by_role("heading", name="Users").wait_for()
    for _ in range(12):  # all within the drawer
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.go_back()
    drawer.get_by_text("A task was created.").first.wait_for()
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog[open]') && !location.search.includes('about=')")
