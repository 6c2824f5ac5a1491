"""The layout of the dashboard: made from a catalog alone, and every panel of it has an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from adi_analytics._shared.catalog import CatalogInvalidError
from adi_analytics.query import MeasureRefusedError, describe
from adi_analytics.query.model.describe import Aggregate, Companion, Described, Measure, Parts
from adi_analytics.query.resolve.measures import of_several
from adi_analytics.server.mcp.questions import _exactness
from adi_analytics.server.read.dashboard.layout import Layout, layout_of
from adi_analytics.server.read.dashboard.measures import exactness, is_merged
from adi_analytics.server.read.dashboard.shown import (
    Definitions,
    Shown,
    ShownMeasure,
    ShownPanel,
    ShownSection,
    definitions_beside,
    shown_beside,
)
from adi_analytics_events import EVENTS as EVENT_CLASSES
from adi_analytics_events import from_dict
from support.paths import EVENTS, ROOT

ERRORS = "analytics_errors_hourly"
BAND = "p50_duration_ms p95_duration_ms p99_duration_ms"
OURS = [
    "Overview",
    "tiles Daily active users: active_users weekly_active_users monthly_active_users",
    "tiles Total events: total_events",
    "tiles Task stats: created success_rate",
    "tiles API latency: request_count",
    "tiles Integration health: connections",
    "tiles Auth events: login_attempts",
    "tiles Cocoon activity: registrations",
    "tiles Errors: error_count",
    "Daily active users",
    "series Active users: active_users weekly_active_users monthly_active_users",
    "series Total events: total_events",
    "Task stats",
    "series Counts: created started completed failed cancelled",
    "series Duration: avg_duration_ms p95_duration_ms",
    "ratio Success rate: success_rate",
    "API latency",
    "series Requests, error 4xx count and error 5xx count: request_count error_4xx_count error_5xx_count",
    f"percentiles Duration: {BAND}",
    f"table By service, endpoint and method: request_count avg_duration_ms {BAND} error_4xx_count error_5xx_count",
    "Integration health",
    "series Counts: connections disconnections uses errors",
    "series Unique users by provider: unique_users",
    "table By provider: connections disconnections uses errors",
    "Auth events",
    "series Counts: login_attempts successful_logins failed_logins code_verifications token_refreshes",
    "series Unique users authenticated: unique_users_authenticated",
    "Cocoon activity",
    "series Counts: registrations connections disconnections claims",
    "series Average session duration: avg_session_duration_seconds",
    "series Unique cocoons: unique_cocoons",
    "Errors",
    "series Errors: error_count",
    "table By service and error type: error_count",
    "table By hour: affected_users",
    "Users",
    "tiles : members new_members returning_members total_members",
    "Daily retention",
    "retention Who came back: members returned rate",
    "lifecycle Lifecycle: new_members returning_members resurrected_members dormant_members",
    "Task flow",
    "funnel Conversion: members rate step_rate seconds_p50 seconds_p90",
]


def manifest(folder: str) -> Described:
    return msgspec.json.decode((ROOT / folder / "generated" / "sql" / "manifest.json").read_bytes(), type=Described)


def outline(layout: Layout) -> list[str]:
    found = []
    for section in layout.sections:
        found.append(section.title)
        for panel in section.panels:
            by = f" by {panel.by}" if panel.by else ""
            found.append(f"{panel.kind} {panel.title}{by}: {' '.join(one['name'] for one in panel.measures)}")
    return found


def test_a_catalog_that_says_nothing_is_laid_out_as_by_hand():
    layout = layout_of(describe("adi_analytics_events"))
    assert outline(layout) == OURS
    assert (layout.title, layout.time_zone) == ("Adi", "UTC")
    formats = {m["name"]: (m["format"], m["unit"]) for s in layout.sections for p in s.panels for m in p.measures}
    assert formats["success_rate"] == ("percent", None)
    assert formats["p95_duration_ms"] == ("duration_ms", "ms")
    assert formats["avg_session_duration_seconds"] == ("duration_s", "s")


@pytest.fixture
def service(either_service):
    return either_service


def test_the_layout_is_what_the_catalog_wants(service):
    answer = service.get("/api/analytics/dashboard")
    assert [section["name"] for section in answer["sections"]][:3] == ["", "analytics_daily_active_users", "$user_id"]
    (api,) = (section for section in answer["sections"] if section["title"] == "API")
    assert [panel["title"] for panel in api["panels"]] == ["Requests", "Errors", "Latency", "By endpoint"]
    assert [one["title"] for one in api["panels"][1]["measures"]] == ["Client errors", "Server errors"]
    assert api["panels"][3]["by"] == "endpoint"
    assert "sample_error_message" not in str(answer)


def test_sections_panels_and_measures_are_as_the_catalog_says():
    counts = ShownPanel(("weekly_active_users", "total_events"), "Both")
    rate = ShownMeasure("success_rate", format="number")
    shown = Shown(
        title="Mine",
        sections=(
            ShownSection("analytics_task_stats_daily", measures=(rate, ShownMeasure("failed", hide=True))),
            ShownSection("analytics_errors_hourly", hide=True),
            ShownSection("analytics_daily_active_users", title="People", panels=(counts,)),
        ),
    )
    layout = layout_of(describe("adi_analytics_events"), shown)
    assert (layout.title, [section.title for section in layout.sections][:4]) == (
        "Mine",
        ["Overview", "Task stats", "People", "API latency"],
    )
    assert "Errors" not in {section.title for section in layout.sections}
    tasks, people = layout.sections[1:3]
    written = {one["name"]: one["format"] for panel in tasks.panels for one in panel.measures}
    assert written["success_rate"] == "number"
    assert "failed" not in written
    found = outline(layout)
    assert found[found.index("People") + 1 :][:3] == [
        "series Both: weekly_active_users total_events",
        "series Active users: active_users monthly_active_users",
        "API latency",
    ]
    assert [panel.granularity for panel in people.panels] == ["bucket", "bucket"]


def test_the_lines_behind_a_number_are_told(service):
    (task,) = service.get("/definitions", name="analytics_task_stats_daily")["definitions"]
    lines = EVENTS.read_text(encoding="utf-8").splitlines()
    assert (task["file"], lines[task["line"] - 1].strip()) == ("events.yaml", "analytics_task_stats_daily:")
    assert task["text"].startswith("analytics_task_stats_daily:\n  description: Tasks by day.\n")
    (created,) = service.get("/definitions", name="task_created")["definitions"]
    assert "task_created" in task["reads"]
    assert {"kind": "aggregate", "name": "analytics_task_stats_daily"} in created["read_by"]
    assert {"kind": "funnel", "name": "task_flow"} in created["read_by"]
    found = service.get("/definitions")
    every = found["definitions"]
    assert found["package"] == "adi_analytics_events"
    assert len(every) == 29 + 7 + 3
    assert {from_dict(one["example"]).EVENT_TYPE for one in every if one["kind"] == "event"} == set(EVENT_CLASSES)


def test_a_package_of_an_older_generator_has_no_definitions(tmp_path):
    assert shown_beside(tmp_path / "manifest.json") == Shown()
    assert definitions_beside(tmp_path / "manifest.json") == Definitions()
    (tmp_path / "dashboard.json").write_text('{"format": 2}')
    with pytest.raises(CatalogInvalidError, match="has format 2, this library reads 1"):
        shown_beside(tmp_path / "manifest.json")


def asked(panel: dict[str, Any]) -> dict[str, str]:
    """Return the parameters with which a page asks for *panel* at first."""
    if not panel["path"].startswith("/aggregates/"):
        return {} if panel["show"] is None else {"show": panel["show"]}
    grouped = [one["name"] for one in panel["dimensions"]] if panel["kind"] == "table" else []
    grouped = [panel["by"]] if panel["by"] else grouped
    given = {"measures": ",".join(one["name"] for one in panel["measures"]), "dimensions": ",".join(grouped)}
    given["granularity"] = panel["granularity"] or ("bucket" if panel["bucket"] else "total")
    return {name: value for name, value in given.items() if value}


def test_every_panel_has_an_answer(service):
    for section in service.get("/dashboard")["sections"]:
        for panel in section["panels"]:
            answer = service.get(panel["path"], **asked(panel))
            columns = {one["name"] for one in answer["columns"]}
            assert {one["name"] for one in panel["measures"]} <= columns
            assert panel["bucket"] is None or panel["bucket"] in columns


@pytest.mark.parametrize("folder", ["examples/shop", "examples/ecommerce"])
def test_a_strangers_measures_are_all_shown(folder):
    described = manifest(folder)
    sections = {section.name: section for section in layout_of(described).sections}
    for aggregate in described.aggregates:
        section = sections[aggregate.name]
        if aggregate.query is not None:
            shown = {one["name"] for panel in section.panels for one in panel.measures}
            assert shown == {measure.name for measure in aggregate.measures}
    assert next(iter(sections)) == ""


def sketched(aggregate: Aggregate) -> Aggregate:
    """Return *aggregate* with a sketch that names each of its distinct counts, and a ratio of each to itself."""
    offer = aggregate.offer
    distinct = [one for one in offer.measures if one.kind == "distinct"]
    shared = tuple((one.name,) for one in distinct)
    ratios = [
        Measure(f"{one.name}_share", "ratio", "float", parts=Parts(numerator=(one.name,), denominator=(one.name,)))
        for one in distinct
    ]
    made = msgspec.structs.replace(
        offer, measures=(*offer.measures, *ratios), sketch=Companion(f"{aggregate.name}_sketch", {}, shared)
    )
    return msgspec.structs.replace(aggregate, query=made)


@pytest.mark.parametrize("folder", [".", "examples/shop", "examples/ecommerce"])
def test_panels_and_tools_say_of_buckets_what_the_query_layer_decides(folder):
    asked = [one for one in manifest(folder).aggregates if one.query is not None]
    for aggregate in [*asked, *map(sketched, asked)]:
        for measure in aggregate.measures:
            try:
                found = "exact" if of_several(measure, aggregate).exact else "approximate"
            except MeasureRefusedError:
                found = "refused"
            assert is_merged(measure, aggregate) == (found != "refused"), measure.name
            # Of a measure that is refused over several buckets panels show each bucket alone, which is exact.
            assert exactness(measure, aggregate) == found.replace("refused", "exact"), measure.name
            assert _exactness(aggregate, measure)["several_buckets"]["exactness"] == found, measure.name


def test_what_is_worth_something_has_its_currency():
    panels = {panel.title: panel for s in layout_of(manifest("examples/ecommerce")).sections for panel in s.panels}
    (worth,) = panels["Order value"].measures  # a ratio of money over a count
    assert (worth["format"], worth["unit"]) == ("currency", "USD")


def test_a_catalog_without_aggregates_has_no_sections():
    empty = Described(format=2, catalog="small_shop", aggregates=())
    assert layout_of(empty) == Layout(title="Small shop", time_zone="UTC")


def test_values_of_personal_fields_are_in_no_panel():
    ours = describe("adi_analytics_events")
    errors = ours.aggregate(ERRORS)
    query = errors.offer
    hidden = [msgspec.structs.replace(one, sensitivity="personal") for one in query.dimensions]
    changed = msgspec.structs.replace(errors, query=msgspec.structs.replace(query, dimensions=tuple(hidden)))
    layout = layout_of(msgspec.structs.replace(ours, aggregates=(changed,)))
    # Distinct counts have a value for each error type only, which is not to be shown.
    assert outline(layout) == ["Overview", "tiles Errors: error_count", "Errors", "series Errors: error_count"]
