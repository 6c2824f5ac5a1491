"""What the SQL costs, by the shape and the row counts of its plans: never by a clock."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
DAY = timedelta(days=1)


@pytest.fixture
def installed(postgres_dsn):
    with connect(postgres_dsn) as connection:
        made = Installed.create(connection, CATALOG, "postgres")
        connection.execute(
            "select analytics_meta.ensure_partitions('analytics_events', '1 day', %s, %s)", [START, START + 30 * DAY]
        )
        yield made


def plan(installed, query, *, analyze=False) -> list[dict[str, Any]]:
    """Return all nodes of the plan of *query*."""
    options = "analyze, timing off, format json" if analyze else "format json"
    (document,) = installed.connection.execute(f"explain ({options}) {query}").fetchone()
    nodes, waiting = [], [document[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting.extend(node.get("Plans", ()))
    return nodes


def partitions(nodes):
    """Return the partitions that were read, but for the default one, which may hold any time."""
    names = {node.get("Relation Name", "") for node in nodes if node.get("Actual Loops", 1) > 0}
    return sorted(name for name in names if name.startswith("analytics_events_p"))


def test_the_rows_function_reads_only_the_partitions_of_its_range(installed):
    query = f"select * from analytics_api_latency_hourly_v1_rows('{START + 3 * DAY}', '{START + 5 * DAY}')"
    expected = ["analytics_events_p20260104", "analytics_events_p20260105"]
    assert partitions(plan(installed, query)) == expected


def test_the_rows_function_prunes_by_parameters_too(installed):
    installed.connection.execute("set plan_cache_mode = force_generic_plan")
    installed.connection.execute(
        "prepare rows (timestamptz, timestamptz) as select * from analytics_errors_hourly_v1_rows($1, $2)"
    )
    nodes = plan(installed, f"execute rows ('{START + 3 * DAY}', '{START + 4 * DAY}')", analyze=True)
    assert partitions(nodes) == ["analytics_events_p20260104"]


def test_the_tail_reads_no_partition_below_the_watermark(installed):
    installed.insert([Row(START + day * DAY, "task_created", "{}") for day in range(30)])
    installed.refresh(START + 28 * DAY)
    read = partitions(plan(installed, "select * from analytics_task_stats_daily", analyze=True))
    assert [name for name in read if name < "analytics_events_p20260129"] == []
    assert {"analytics_events_p20260129", "analytics_events_p20260130"} <= set(read)


def test_trailing_counts_cost_in_proportion_to_user_days(installed):
    def work(users):
        """Return the rows that pass through all nodes of the plan, and the most that pass through one."""
        rows = [
            Row(START + day * DAY, "task_created", "{}", uuid.UUID(int=user))
            for day in range(30)
            for user in range(users)
        ]
        with installed.connection.transaction(force_rollback=True):
            installed.insert(rows)
            installed.refresh(START + 40 * DAY)
            installed.connection.execute("analyze analytics_daily_active_users_v1_users")
            nodes = plan(installed, "select * from analytics_daily_active_users", analyze=True)
        passed = [node["Actual Rows"] * node["Actual Loops"] for node in nodes]
        return sum(passed), max(passed)

    small, _ = work(50)
    large, most = work(200)
    assert large < 4.2 * small
    assert most == 200 * 30  # nothing is made of a user's day before those with the same steps are put together
