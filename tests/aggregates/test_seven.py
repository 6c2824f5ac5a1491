"""The seven aggregates of events.yaml, on every backend and in every state of refresh, against the oracle."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import START, stream
from support.backends import BACKENDS, empty_dsn
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
ROWS = stream(CATALOG)


@pytest.fixture(params=BACKENDS)
def installed(request):
    dsn = empty_dsn(request.param, request)
    with connect(dsn) as connection:
        yield Installed.create(connection, CATALOG, request.param)


def test_every_state_of_refresh_gives_the_oracles_rows(installed):
    installed.insert(ROWS)
    installed.check(ROWS)  # nothing stored: all in real time
    for days in (35, 36, 200):
        installed.refresh(START + timedelta(days=days, hours=7))
        installed.check(ROWS)


def test_a_refresh_after_late_rows_takes_them_in(installed):
    half = len(ROWS) // 2
    installed.insert(ROWS[half:])
    installed.refresh(START + timedelta(days=200))
    installed.insert(ROWS[:half])
    installed.refresh(START + timedelta(days=200))
    installed.check(ROWS)


@pytest.mark.one_backend
def test_the_answers_do_not_depend_on_the_session(installed):
    installed.insert(ROWS)
    installed.connection.execute("set timezone = 'America/New_York'")  # changes its clocks on 2026-03-08
    installed.connection.execute("set datestyle = 'ISO, DMY'")
    installed.connection.execute("set intervalstyle = 'sql_standard'")
    installed.refresh(START + timedelta(days=80))
    installed.check(ROWS)


@pytest.mark.one_backend
def test_rows_at_impossible_times_are_left_out(installed):
    moments: list[Any] = ["infinity", "0001-01-01 00:00:00+00", "1969-12-31 23:59:59+00", "290000-01-01 00:00:00+00"]
    if installed.backend == "postgres":
        moments += ["-infinity", "4713-11-24 00:00:00+00 BC"]
    installed.insert([Row(moment, "task_created", "{}", ROWS[0].user_id) for moment in moments])
    installed.insert(ROWS[:200])
    installed.check(ROWS[:200])
    installed.refresh(START + timedelta(days=200))
    installed.check(ROWS[:200])


def test_columns_have_the_types_that_the_manifest_says(installed):
    query = (
        "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a"
        " where a.attrelid = %s::regclass and a.attnum > 0 order by a.attnum"
    )
    for aggregate in installed.manifest["aggregates"]:
        described = {aggregate["name"]: aggregate["columns"]}
        for relation in aggregate["relations"]:
            described |= {relation["name"]: relation["columns"], relation["live"]: relation["columns"]}
        for name, columns in described.items():
            found = installed.connection.execute(query, [name]).fetchall()
            assert found == [(column["name"], column["type"]) for column in columns], name


@pytest.mark.one_backend
def test_a_reader_needs_no_right_but_on_the_public_views(installed):
    connection = installed.connection
    reader = f"reader_{uuid.uuid4().hex[:12]}"
    views = [view["name"] for aggregate in installed.manifest["aggregates"] for view in aggregate["views"]]
    installed.insert(ROWS[:300])
    connection.execute(f"create role {reader}")
    try:
        connection.execute(f"grant select on {', '.join(views)} to {reader}")
        connection.execute(f"set role {reader}")
        installed.check(ROWS[:300])
        for view in views:
            connection.execute(f"select * from {view}")
    finally:
        connection.execute("reset role")
        connection.execute(f"drop owned by {reader}")
        connection.execute(f"drop role {reader}")
