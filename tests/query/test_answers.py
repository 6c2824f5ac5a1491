"""Answers of every granularity, on every backend, against plain Python over the events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adi_analytics.query import QueryArgumentError
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.aggregates.catalogs import SPRING, catalogs, rows
from support.aggregates.installed import Installed, connect
from support.aggregates.streams import START
from support.answers import Asked, assert_answers, groups
from support.asking import ask, register
from support.clickhouse.installed import Installed as OnClickhouse
from support.full import examples
from support.paths import EVENTS

SEVEN = load_catalog(EVENTS)
HOUR = timedelta(hours=1)
RELAXED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


@st.composite
def questions(draw, catalog, begin=START):
    aggregate = draw(st.sampled_from(catalog.aggregates))
    start = begin + HOUR * draw(st.integers(-24, 24 * 45))
    end = start + HOUR * draw(st.sampled_from((1, 24, 24 * 7, 24 * 40)))
    names = [dimension.name for dimension in aggregate.dimensions]
    dimensions = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    equal = {}
    plain = [d for d in aggregate.dimensions if d.of == "$service"]
    if plain and draw(st.booleans()):
        equal = {plain[0].name: "a"}
    return Asked(
        aggregate,
        start,
        end,
        draw(st.sampled_from(("bucket", "hour", "day", "week", "month", "total"))),
        ZoneInfo(draw(st.sampled_from(ZONES))),
        tuple(dimensions),
        equal,
        draw(st.sampled_from(("auto", "exact", "approximate"))),
    )


def check(installed, catalog, asked, events):
    """Ask, and compare; or see that what has no right answer is refused."""
    width = asked.aggregate.bucket_width
    arguments = {
        "between": (asked.start, asked.end), "granularity": asked.granularity, "time_zone": str(asked.zone),
        "dimensions": asked.dimensions, "filters": asked.equal,
        "distinct": asked.distinct,
    }  # fmt: skip
    try:
        result = ask(installed, asked.aggregate.name, **arguments, personal=True)
    except QueryArgumentError as error:
        refused = error.parameter == "granularity" and (width > HOUR or str(asked.zone) == "Asia/Kolkata")
        assert refused, error  # noqa: PT017 - what is not refused is compared below
        return False
    whole = replace(asked, start=result.query.start.astimezone(UTC), end=result.query.end.astimezone(UTC))
    doubles = isinstance(installed, OnClickhouse)
    assert_answers(result, whole, groups(catalog, whole, events), asked.aggregate, doubles=doubles)
    totals = replace(whole, granularity="total", dimensions=())
    expected = groups(catalog, totals, events).get((), {})
    for measure in asked.aggregate.measures:
        if measure.kind == "count":
            assert result.totals[measure.name] == expected.get(measure.name, 0)
            if measure.name in {column.name for column in result.columns}:
                assert sum(row[measure.name] for row in result) == result.totals[measure.name]
    return True


def test_the_seven(installed, events):
    answered = []

    @settings(RELAXED, max_examples=examples(12))
    @given(asked=questions(SEVEN))
    def run(asked):
        answered.append(check(installed, SEVEN, asked, events))

    run()
    assert any(answered)  # not every question has an answer


def test_random_catalogs(postgres_dsn):
    @settings(RELAXED, max_examples=examples(8))
    @given(catalog=catalogs(), data=st.data())
    def run(catalog, data):
        with connect(postgres_dsn) as connection:
            connection.execute('drop schema if exists "its own", analytics_meta cascade')
            connection.execute('create schema "its own"')
            connection.execute('set search_path to "its own", public')
            installed = Installed.create(connection, catalog, "postgres")
            register(installed)
            drawn = data.draw(rows(catalog))
            installed.insert(drawn)
            if data.draw(st.booleans()):
                installed.refresh(SPRING + timedelta(days=10))
            for _ in range(4):
                check(installed, catalog, data.draw(questions(catalog, SPRING)), drawn)

    run()


def test_random_catalogs_on_clickhouse(clickhouse_databases):
    @settings(RELAXED, max_examples=examples(8))
    @given(catalog=catalogs(), data=st.data())
    def run(catalog, data):
        with clickhouse_databases.empty() as url:
            installed = OnClickhouse.create(url, catalog)
            drawn = data.draw(rows(catalog))
            installed.insert(drawn)
            if data.draw(st.booleans()):
                installed.refresh(SPRING + timedelta(days=10))
            for _ in range(4):
                check(installed, catalog, data.draw(questions(catalog, SPRING)), drawn)

    run()


def test_trailing_counts_are_those_of_the_public_view(postgres):
    between = (START, START + timedelta(days=60))
    result = ask(postgres, "analytics_daily_active_users", between=between, granularity="day", fill=False)
    columns = ", ".join(f'"{column.name}"' for column in result.columns)
    expected = postgres.connection.execute(
        f"select {columns} from analytics_daily_active_users where day >= %s and day < %s order by 1",
        [START, START + timedelta(days=60)],
    ).fetchall()
    assert list(result.rows) == expected
    assert len(expected) > 20


def test_a_comparison_is_the_answer_about_the_period_before(installed):
    asked = {"granularity": "week", "dimensions": ["provider"], "measures": ["connections", "errors"]}
    monday = START + timedelta(days=18)
    now = ask(installed, "analytics_integration_health_daily", between=(monday, monday + timedelta(days=14)),
              compare="previous_period", **asked)  # fmt: skip
    before = ask(
        installed, "analytics_integration_health_daily", between=(monday - timedelta(days=14), monday), **asked
    )
    found = {(row["day"] - timedelta(days=14), row["provider"]): row for row in now}
    for row in before:
        there = found[row["day"], row["provider"]]
        assert (there["previous_connections"], there["previous_errors"]) == (row["connections"], row["errors"])
    assert now.totals["previous_errors"] == before.totals["errors"] == sum(row["errors"] for row in before) > 0
    assert now.query.compared == (before.query.start, before.query.end)


def test_pages_are_the_whole_answer_cut(either):
    asked = {"between": (START, START + timedelta(days=60)), "granularity": "week",
             "dimensions": ["service", "endpoint"], "order_by": ["-p95_duration_ms", "service"]}  # fmt: skip
    whole = ask(either, "analytics_api_latency_hourly", **asked)
    place: str | None = None
    cut: list[Any] = []
    while place is not None or not cut:
        page = ask(either, "analytics_api_latency_hourly", **asked, limit=25, after=place)
        assert page.totals == whole.totals
        cut += page.rows
        place = page.next
    assert tuple(cut) == whole.rows
    assert any(row["p95_duration_ms"] is None for row in whole)
