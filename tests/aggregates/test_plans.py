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


@pytest.fixture
def busy(installed):
    """Return a function that gives each of so many users a row on each of 30 days, and stores all but the last."""

    def fill(users):
        installed.insert(
            Row(START + day * DAY, "task_created", "{}", uuid.UUID(int=user))
            for day in range(30)
            for user in range(users)
        )
        installed.refresh(START + 29 * DAY)
        installed.connection.execute(f"analyze {MEMBERS}")

    return fill


MEMBERS = "analytics_daily_active_users_v1_users"


def read_of(nodes, relation):
    return sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes if node.get("Relation Name") == relation)


def test_trailing_counts_of_buckets_that_are_over_are_not_computed(installed, busy):
    busy(50)
    query = f"select * from analytics_daily_active_users where day < '{START + 29 * DAY}'"
    nodes = plan(installed, query, analyze=True)
    assert read_of(nodes, MEMBERS) == read_of(nodes, f"{MEMBERS}_recent") == 0
    assert read_of(nodes, f"{MEMBERS}_counts") == 2 * 29  # one row for each day and trailing count
    assert len(installed.connection.execute(query).fetchall()) == 29


def test_the_open_bucket_reads_its_own_members_only(installed, busy):
    busy(50)
    nodes = plan(installed, "select * from analytics_daily_active_users", analyze=True)
    assert read_of(nodes, MEMBERS) == 0  # none of those that are stored
    assert read_of(nodes, f"{MEMBERS}_recent") <= 50
    assert read_of(nodes, f"{MEMBERS}_recency") == 1


def test_plain_columns_do_not_pay_for_trailing_ones(installed, busy):
    busy(50)
    nodes = plan(installed, "select day, active_users, total_events from analytics_daily_active_users", analyze=True)
    run = {node.get("Relation Name", "") for node in nodes if node.get("Actual Loops", 1) > 0}
    assert not any(name.startswith(MEMBERS) for name in run)


PEOPLE = ("analytics_members_daily_v1", "daily_retention_v1", "task_flow_v1")


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("select * from analytics_members_daily where day >= '{since}'", 0),
        ("select count(*) from analytics_members where last >= '{since}'", 0),
        ("select * from daily_retention where day >= '{since}'", 0),
        ("select * from daily_retention_mean", 0),
        ("select * from daily_retention_lifecycle where day >= '{since}'", 1),  # who was there the day before
        ("select * from task_flow where day >= '{since}'", 7),  # whose window is not over
        ("select * from task_flow_steps where day < '{since}'", 7),
        ("select * from analytics_daily_active_users where day >= '{since}'", 0),
    ],
)
def test_answers_read_the_stored_rows_of_open_buckets_only(installed, busy, query, days):
    busy(20)
    nodes = plan(installed, query.format(since=START + 25 * DAY), analyze=True)
    assert sum(read_of(nodes, relation) for relation in (*PEOPLE, MEMBERS)) == 20 * days


def test_members_read_open_events_once_and_one_member_by_indexes(installed, busy):
    busy(20)
    installed.connection.execute("analyze")
    nodes = plan(installed, "select count(*) from analytics_members where last is not null", analyze=True)
    assert [node["Relation Name"] for node in nodes if read_of([node], "analytics_events_p20260130")] == [
        "analytics_events_p20260130"
    ]
    installed.connection.execute("set enable_seqscan = off")  # of so few rows, the planner would read all
    nodes = plan(installed, f"select * from analytics_members where member = '{uuid.UUID(int=7)}'", analyze=True)
    assert read_of(nodes, "analytics_members_daily_v1_known") == read_of(nodes, "analytics_events_p20260130") == 1


VIEWS = (
    "analytics_members_daily",
    "analytics_members",
    "daily_retention",
    "daily_retention_lifecycle",
    "task_flow_steps",
)


def test_counting_in_pieces_is_right_at_every_moment_and_goes_on_after_an_interruption(installed, busy):
    busy(5)
    run = installed.connection.execute

    def answers():
        views = ("analytics_daily_active_users", *VIEWS)
        return {view: run(f"select v::text from {view} v order by 1").fetchall() for view in views}

    def kept():
        return run("select relation, until::text from analytics_meta.kept() order by 1").fetchall()

    right = answers()
    for rollup in (*PEOPLE, MEMBERS.removesuffix("_users")):
        run("select analytics_meta.forget_counts(%s)", [rollup])
        run("update analytics_meta.aggregates set refreshed_at = now() where rollup = %s", [rollup])
        pieces = 0
        while True:
            before = kept()
            with installed.connection.transaction(force_rollback=True):  # killed in the middle
                run("select analytics_meta.recount_due(%s)", [rollup])
            assert kept() == before
            if not run("select analytics_meta.recount_due(%s)", [rollup]).fetchone()[0]:
                break
            pieces += 1
            assert answers() == right
        assert pieces == 5  # 29 days, a week each
    assert {until[:10] for _, until in kept()} == {f"{START + 29 * DAY:%Y-%m-%d}"}


def test_counting_costs_in_proportion_to_user_days(installed, busy):
    def work(users):
        """Return the rows that pass through all nodes of the plan, and the most that pass through one."""
        with installed.connection.transaction(force_rollback=True):
            busy(users)
            query = f"select * from {MEMBERS}_counted('{START}', '{START + 29 * DAY}', false)"
            nodes = plan(installed, query, analyze=True)
        passed = [node["Actual Rows"] * node["Actual Loops"] for node in nodes]
        return sum(passed), max(passed)

    small, _ = work(50)
    large, most = work(200)
    assert large < 4.2 * small
    assert most == 200 * 29  # nothing is made of a user's day before those with the same steps are put together
