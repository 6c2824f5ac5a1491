"""Members, retention, lifecycle and funnels on every backend, in every state of refresh, against brute force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.catalog import Catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.backends import BACKENDS, empty_dsn
from support.people import cases
from support.people.compared import answers, assert_same

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=18)  # two days of rows lie in the future


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    return load_catalog(cases.write(tmp_path_factory.mktemp("people")))


@pytest.fixture(params=BACKENDS)
def installed(request, catalog):
    dsn = empty_dsn(request.param, request)
    with connect(dsn) as connection:
        yield Installed.create(connection, catalog, request.param)


def check(installed: Installed, rows: list[Row], but: str = " ") -> None:
    """Compare every public view with brute force, except those whose names begin with *but*."""
    with installed.connection.transaction():
        (now,) = installed.connection.execute("select now()").fetchall()[0]
        for name, wanted in answers(installed.catalog, rows, now):
            found = installed.connection.execute(f'select * from "{name}"').fetchall()
            if not name.startswith(but):
                assert_same(name, found, wanted)


def test_every_state_of_refresh_gives_the_same_answers(installed):
    rows = cases.rows(1, START)
    installed.insert(rows)
    check(installed, rows)  # nothing stored: all in real time
    for days in (3, 11):
        installed.refresh(START + timedelta(days=days, hours=7))
        check(installed, rows)


@pytest.mark.one_backend
def test_late_rows_are_taken_in(installed):
    rows = cases.rows(2, START)
    installed.insert(rows[::2])
    installed.refresh(TODAY)
    installed.insert(rows[1::2])
    installed.refresh(TODAY)
    check(installed, rows)


def test_the_answers_outlive_the_raw_rows(installed):
    rows = cases.rows(3, START)
    installed.insert(rows)
    installed.refresh(TODAY)
    installed.connection.execute('delete from people_events where "timestamp" < %s', [TODAY - timedelta(days=7)])
    check(installed, rows, but="berlin_months")  # of a month that is not over, retention drops no rows


@pytest.mark.one_backend
def test_the_answers_do_not_depend_on_the_session(installed):
    rows = cases.rows(4, START)
    installed.insert(rows)
    installed.refresh(TODAY - timedelta(days=5))
    installed.connection.execute("set timezone = 'America/New_York'")
    installed.connection.execute("set intervalstyle = 'sql_standard'")
    check(installed, rows)


@pytest.mark.parametrize("seed", range(10, 16))
def test_random_streams(postgres_dsn, catalog, seed):
    with connect(postgres_dsn) as connection:
        installed = Installed.create(connection, catalog, "postgres")
        rows = cases.rows(seed, START, members=400)
        installed.insert(rows)
        installed.refresh(START + timedelta(days=seed))
        check(installed, rows)
