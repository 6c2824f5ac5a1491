"""Partitions of the events table on plain PostgreSQL, made ahead and out of what the default partition holds."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.paths import EVENTS

CATALOG = replace(load_catalog(EVENTS), aggregates=())
DAY = timedelta(days=1)
ENSURE = "select analytics_meta.ensure_partitions('analytics_events'::regclass, %s, %s, %s)"
WHERE = 'select tableoid::regclass::text, "timestamp", id from analytics_events order by "timestamp"'


@pytest.fixture
def installed(postgres_dsn):
    with connect(postgres_dsn) as connection:
        yield Installed.create(connection, CATALOG, "postgres")


def test_the_first_partitions_are_there_at_once(installed):
    (count,) = installed.connection.execute(
        "select count(*) from generate_series(now(), now() + interval '6 days', interval '1 day') as wanted (moment)"
        " join pg_class on relname = 'analytics_events_p' || to_char(moment at time zone 'UTC', 'YYYYMMDD')"
    ).fetchone()
    assert count == 7


def test_rows_move_out_of_the_default_partition_and_stay_what_they_were(installed):
    connection = installed.connection
    moments = [START + hours * timedelta(hours=8) for hours in range(12)]
    installed.insert(Row(moment, "task_created", "{}") for moment in moments)
    before = connection.execute(WHERE).fetchall()
    assert {name for name, _, _ in before} == {"analytics_events_default"}

    assert connection.execute(ENSURE, [DAY, START + DAY, START + 3 * DAY]).fetchone() == (2,)

    after = connection.execute(WHERE).fetchall()
    assert [row[1:] for row in after] == [row[1:] for row in before]
    names = [name for name, _, _ in after]
    default = ["analytics_events_default"] * 3
    assert names == [*default, *["analytics_events_p20260102"] * 3, *["analytics_events_p20260103"] * 3, *default]


def test_a_second_run_finds_nothing_to_do_and_new_rows_find_their_partition(installed):
    arguments = [DAY, START, START + 2 * DAY]
    assert installed.connection.execute(ENSURE, arguments).fetchone() == (2,)
    assert installed.connection.execute(ENSURE, arguments).fetchone() == (0,)
    installed.insert([Row(START, "task_created", "{}")])
    ((name, _, number),) = installed.connection.execute(WHERE).fetchall()
    assert name == "analytics_events_p20260101"
    assert number is not None


def test_partitions_of_hours_tell_the_hour(installed):
    assert installed.connection.execute(ENSURE, [6 * timedelta(hours=1), START, START + DAY]).fetchone() == (4,)
    assert installed.connection.execute("select to_regclass('analytics_events_p20260101_180000')").fetchone() != (None,)


def test_bounds_are_in_utc_where_clocks_change(installed):
    installed.connection.execute("set timezone = 'Europe/Berlin'")  # 2026-03-29 has 23 hours there
    first = START.replace(month=3, day=27)
    assert installed.connection.execute(ENSURE, [DAY, first, first + 5 * DAY]).fetchone() == (5,)
    installed.connection.execute("set timezone = 'UTC'")
    (bound,) = installed.connection.execute(
        "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'analytics_events_p20260330'"
    ).fetchone()
    assert bound == "FOR VALUES FROM ('2026-03-30 00:00:00+00') TO ('2026-03-31 00:00:00+00')"


def test_two_at_once_make_each_partition_once(installed, postgres_dsn):
    installed.insert(Row(START + day * DAY, "task_created", "{}") for day in range(20))
    made = []

    def run():
        with connect(postgres_dsn) as connection:
            made.extend(connection.execute(ENSURE, [DAY, START, START + 20 * DAY]).fetchall())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [(0,), (0,), (0,), (20,)]
    assert "analytics_events_default" not in {row[0] for row in installed.connection.execute(WHERE).fetchall()}
