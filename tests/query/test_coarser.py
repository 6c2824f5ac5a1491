"""Percentiles from longer buckets are those of the aggregate's own, in every state of refresh, on every backend."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from adi_analytics.query import Result, query
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.aggregates.installed import Installed, connect
from support.aggregates.streams import START, stream
from support.asking import described, register
from support.backends import BACKENDS, empty_dsn
from support.clickhouse.installed import Installed as OnClickhouse
from support.paths import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from support.clickhouse.databases import ClickhouseDatabases

LATENCY, BY_DAY = "analytics_api_latency_hourly", "analytics_api_latency_hourly_by_day"
MEASURES = ["p50_duration_ms", "p95_duration_ms", "request_count"]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    document = yaml.safe_load(EVENTS.read_text(encoding="utf-8"))
    document["aggregates"] = {LATENCY: document["aggregates"][LATENCY]}
    document["aggregates"][LATENCY]["percentiles"] = {"rollup": "day", "dimensions": ["service", "method"]}
    for section in ("entities", "retention", "funnels", "dashboard", "suppressions"):
        del document[section]
    file = tmp_path_factory.mktemp("coarser") / "events.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_catalog(file)


@pytest.fixture(params=[*BACKENDS, "clickhouse"])
def installed(request: pytest.FixtureRequest, catalog: Catalog) -> Iterator[Installed | OnClickhouse]:
    if request.param == "clickhouse":
        databases: ClickhouseDatabases = request.getfixturevalue("clickhouse_databases")
        with databases.empty() as url:
            yield OnClickhouse.create(url, catalog)
        return
    with connect(empty_dsn(request.param, request)) as connection:
        made = Installed.create(connection, catalog, request.param)
        register(made)
        yield made


def both(installed: Installed | OnClickhouse, **question: Any) -> tuple[Result, Result]:
    """Return the answer from longer buckets, where there are some, and that from hours."""
    known = described(installed)
    fine = tuple(
        msgspec.structs.replace(one, query=msgspec.structs.replace(one.offer, coarser=None)) for one in known.aggregates
    )
    hourly = msgspec.structs.replace(known, aggregates=fine)
    first, second = (
        query(LATENCY, measures=MEASURES, database=installed.database, catalog=one, **question)
        for one in (known, hourly)
    )
    assert BY_DAY not in second.sql() + second.sql(totals=True)
    return first, second


def _asked(granularity: str) -> dict[str, Any]:
    return {"granularity": granularity, "time_zone": "UTC", "dimensions": [], "compare": None, "filters": {}}


def test_the_answers_are_the_same(installed: Installed | OnClickhouse, catalog: Catalog) -> None:
    rows = stream(catalog, days=40, users=6)
    installed.insert(rows[::2])
    installed.refresh(START + timedelta(days=25, hours=7))
    installed.insert(rows[1::2])  # of which many are late
    used: list[bool] = []

    @settings(
        deadline=None,
        max_examples=5 if isinstance(installed, OnClickhouse) else 15,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        start=st.integers(-24, 24 * 30),
        hours=st.sampled_from((5, 24, 24 * 7 + 3, 24 * 40)),
        asked=st.fixed_dictionaries(
            {
                "granularity": st.sampled_from(("bucket", "hour", "day", "week", "month", "total")),
                "time_zone": st.sampled_from(("UTC", "Europe/Berlin")),
                "dimensions": st.lists(st.sampled_from(("service", "method", "endpoint")), unique=True),
                "compare": st.sampled_from((None, "previous_period", "previous_year")),
                "filters": st.sampled_from(({}, {"service": "a"}, {"endpoint": "/x"})),
            }
        ),
    )
    @example(0, 24 * 7, _asked("day"))
    @example(0, 5, _asked("hour"))
    def run(start: int, hours: int, asked: dict[str, Any]) -> None:
        between = (START + start * HOUR, START + (start + hours) * HOUR)
        if asked["granularity"] == "month":
            asked = {**asked, "compare": None}
        coarse, fine = both(installed, between=between, **asked)
        assert (coarse.rows, coarse.totals, coarse.states) == (fine.rows, fine.totals, fine.states)
        used.append(BY_DAY in coarse.sql() + coarse.sql(totals=True))

    installed.refresh(START + timedelta(days=25, hours=7))  # takes the late ones in
    run()
    assert 0 < used.count(True) < len(used)


def test_it_is_read_where_it_can_be(postgres_dsn: str, catalog: Catalog) -> None:
    with connect(postgres_dsn) as connection:
        installed = Installed.create(connection, catalog, "postgres")
        register(installed)
        installed.insert(stream(catalog, days=40, users=6))
        installed.refresh(START + timedelta(days=25))
        month = {"between": (START, START + timedelta(days=30)), "totals": False}

        def reads(**question: Any) -> bool:
            found = both(installed, **{**month, **question})
            assert found[0].rows == found[1].rows
            return BY_DAY in found[0].sql()

        assert reads(granularity="total", dimensions=["service"])
        assert reads(granularity="week", filters={"method": "GET"})
        assert reads(granularity="total", time_zone="Europe/Berlin", compare="previous_period")
        assert not reads(granularity="hour")
        assert not reads(granularity="total", dimensions=["endpoint"])
        assert not reads(granularity="total", filters={"endpoint": "/x"})
        assert not reads(granularity="day", time_zone="Europe/Berlin")
        connection.execute("update analytics_meta.rollups set watermark = '-infinity' where rollup like '%by_day%'")
        assert not reads(granularity="total")
        connection.execute("update analytics_meta.aggregates set active = false where aggregate like '%by_day'")
        assert not reads(granularity="total")
