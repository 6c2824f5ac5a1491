"""What is refused and why, what is kept back, and what an answer says of itself."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from adi_analytics.embedded.programs import find_programs
from adi_analytics.query import (
    FrameMissingError,
    MeasureRefusedError,
    QueryArgumentError,
    QueryDatabaseError,
    describe,
    query,
    query_async,
)
from adi_analytics.query.sql.postgres import Postgres
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.asking import ask, described
from support.paths import EVENTS

LATENCY, ERRORS, USERS = "analytics_api_latency_hourly", "analytics_errors_hourly", "analytics_daily_active_users"
RANGE = (START, START + timedelta(days=40))

WRONG: dict[str, dict[str, Any]] = {
    "granularity": {"granularity": "minute"},
    "time_zone": {"time_zone": "Mars/Olympus"},
    "measures": {"measures": ["request_cuont"]},
    "dimensions": {"dimensions": ["hots"]},
    "filters": {"filters": {"endpoint": 5}},
    "between": {"between": ("2026-02-30", "2026-03-01")},
    "compare": {"compare": "yesterday"},
    "order_by": {"order_by": "-speed"},
    "limit": {"limit": 0},
    "after": {"after": "!"},
    "suppress_below": {"suppress_below": "5"},
    "distinct": {"distinct": "roughly"},
    "timeout": {"timeout": 0},
}


def test_a_wrong_argument_is_named(either):
    for parameter, arguments in WRONG.items():
        with pytest.raises(QueryArgumentError) as caught:
            ask(either, LATENCY, **{"between": RANGE, **arguments})
        assert caught.value.parameter == parameter
        assert caught.value.remedy


def test_a_question_for_nothing_is_refused(either):
    with pytest.raises(QueryArgumentError, match="no bucket, no dimension and no measure: none is named") as caught:
        ask(either, LATENCY, between=RANGE, measures=[], granularity="total")
    assert caught.value.parameter == "measures"
    assert set(next(iter(ask(either, LATENCY, between=RANGE, measures=[], granularity="day")))) == {"hour"}
    found = ask(either, LATENCY, between=RANGE, measures=[], granularity="total", dimensions=["service"])
    assert [row["service"] for row in found] == ["a", "b"]


def test_a_name_that_is_close_is_offered(either):
    with pytest.raises(QueryArgumentError, match="Did you mean request_count"):
        ask(either, LATENCY, measures=["request_cuont"])
    with pytest.raises(QueryArgumentError, match="no aggregate of adi is called"):
        ask(either, "analytics_latency")


def test_a_filter_is_a_value_whatever_it_holds(postgres):
    for text in ("it's", "\\", "%s", "a\nb", '"; drop table x; --', "$1", ":x", "é"):
        event = json.dumps({"endpoint": text, "method": "GET", "duration_ms": 5, "status_code": 200})
        postgres.insert([Row(START + timedelta(days=30), "api_request", event)])
        result = ask(postgres, LATENCY, between=RANGE, filters={"endpoint": text}, granularity="total")
        assert result.totals["request_count"] == 1, text


def test_a_filter_may_have_thousands_of_values(either):
    many = {"endpoint": [f"/{number}" for number in range(5000)] + ["/x"], "service": ["a", "b"]}
    asked = {"dimensions": ["endpoint"], "granularity": "day", "compare": "previous_period"}
    few = ask(either, LATENCY, between=RANGE, filters={**many, "endpoint": ["/x"]}, **asked)
    assert ask(either, LATENCY, between=RANGE, filters=many, **asked).rows == few.rows


def test_a_text_that_no_database_holds_is_refused(either):
    for text in ("a\0b", "\ud800"):
        with pytest.raises(QueryArgumentError, match="filters: endpoint has a wrong operand of eq"):
            ask(either, LATENCY, between=RANGE, filters={"endpoint": text})


def test_filters_are_the_conditions_of_a_catalog(either):
    def total(**filters):
        return ask(either, LATENCY, between=RANGE, granularity="total", filters=filters).totals["request_count"]

    every = total()
    assert total(service="a") + total(service="b") == every == total(service=["a", "b"])
    assert total(service={"ne": "a"}) == total(service="b") == total(service={"gt": "a"})
    assert total(endpoint=None) + total(endpoint={"exists": True}) == every
    with pytest.raises(QueryArgumentError, match="unknown operator 'like'"):
        total(service={"like": "a"})


def test_what_does_not_add_up_is_refused_with_what_would_do(either):
    with pytest.raises(MeasureRefusedError, match="no relation stores the values") as caught:
        ask(either, ERRORS, between=RANGE, measures=["affected_users"], granularity="day")
    assert caught.value.measure == "affected_users"
    assert "service, error_type among dimensions" in caught.value.remedy
    with pytest.raises(MeasureRefusedError, match="counts of several buckets overlap"):
        ask(either, USERS, between=RANGE, measures=["weekly_active_users"], granularity="month")
    with pytest.raises(MeasureRefusedError, match="is the first is not stored"):
        ask(either, ERRORS, between=RANGE, measures=["sample_error_message"], granularity="day", personal=True)
    left_out = ask(either, USERS, between=RANGE, granularity="month")
    assert {warning.message.split(":")[0] for warning in left_out.warnings if warning.code == "left-out"} == {
        "weekly_active_users",
        "monthly_active_users",
    }


def test_personal_values_come_only_when_asked_for(either):
    with pytest.raises(MeasureRefusedError, match="a personal field"):
        ask(either, ERRORS, between=RANGE, measures=["sample_error_message"])
    by_all = {"between": RANGE, "dimensions": ["service", "error_type"], "fill": False}
    assert "sample_error_message" not in next(iter(ask(either, ERRORS, **by_all)))
    shown = ask(either, ERRORS, **by_all, personal=True, measures=["sample_error_message"])
    assert any(row["sample_error_message"] for row in shown)


def test_small_groups_are_kept_back(either):
    asked = {"between": RANGE, "measures": ["active_users"], "granularity": "day"}
    counts = [row["active_users"] for row in ask(either, USERS, **asked)]
    hidden = [row["active_users"] for row in ask(either, USERS, **asked, suppress_below=6)]
    assert hidden == [count if count == 0 or count >= 6 else None for count in counts]
    assert None in hidden
    assert 0 in hidden


def test_an_answer_says_how_exact_it_is(either):
    merged = ask(either, LATENCY, between=RANGE, granularity="day")
    columns = {column.name: column for column in merged.columns}
    assert columns["request_count"].exactness == columns["avg_duration_ms"].exactness == "exact"
    assert columns["p95_duration_ms"].exactness == "approximate"
    assert columns["p95_duration_ms"].bound == pytest.approx(0.0099, abs=1e-4)
    assert columns["p95_duration_ms"].unit == "ms"
    assert merged.exactness(0, "p95_duration_ms") == "approximate"
    single = ask(either, LATENCY, between=RANGE, dimensions=["service", "endpoint", "method"], limit=3)
    assert {column.exactness for column in single.columns} == {"exact"}
    today = ask(either, USERS)
    assert (today.states[0], today.states[-1], today.state) == ("final", "provisional", "provisional")
    assert len(today) == 30
    assert today.exactness(29, "total_events") == "provisional"
    assert today.watermark == START + timedelta(days=25)


def test_buckets_that_lost_events_are_incomplete(postgres):
    begins = START + timedelta(days=10)
    postgres.connection.execute("update analytics_meta.backfills set status = 'done', done_to = %s", [begins])
    postgres.connection.execute(
        "insert into analytics_meta.expired (ranges) values (tstzmultirange(tstzrange(%s, %s)))"
        " on conflict (singleton) do update set ranges = excluded.ranges",
        [START - timedelta(days=9), begins],
    )
    result = ask(postgres, USERS, between=RANGE)
    assert result.states == ("incomplete",) * 10 + ("final",) * 30
    assert result.state == "incomplete"


def test_dates_are_whole_days_and_moments_are_not(either):
    by_date = ask(either, LATENCY, between=("2026-01-05", date(2026, 1, 6)), time_zone="Europe/Berlin")
    assert by_date.query.start == datetime(2026, 1, 4, 23, tzinfo=UTC)
    assert by_date.query.end == datetime(2026, 1, 6, 23, tzinfo=UTC)
    assert len(by_date) == 48
    by_moment = ask(either, LATENCY, between=("2026-01-05T00:30:00Z", "2026-01-05T02:00:00+00:00"))
    assert [row["hour"].hour for row in by_moment] == [0, 1]
    assert [warning.code for warning in by_moment.warnings] == ["range-widened"]


def test_days_of_a_zone_have_their_own_length(either):
    result = ask(either, LATENCY, between=("2026-03-28", "2026-03-30"), granularity="day", time_zone="Europe/Berlin")
    starts = [row["hour"] for row in result]
    assert [at.isoformat() for at in starts] == [
        "2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"
    ]  # fmt: skip
    with pytest.raises(QueryArgumentError, match="does not consist of whole buckets"):
        ask(either, USERS, between=RANGE, granularity="day", time_zone="Europe/Berlin")


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Berlin"])
def test_hours_go_on_where_a_clock_is_put_by_half_an_hour(postgres, zone):
    """Lord Howe Island does that: 4 October 2026 has 23.5 hours, so the hours behind it begin at half past."""
    begin, quarter = datetime(2026, 10, 2, tzinfo=ZoneInfo(zone)).astimezone(UTC), timedelta(minutes=15)
    dialect: Any = Postgres()
    edges = [begin + timedelta(hours=number) for number in range(24 * 40)]
    question = SimpleNamespace(granularity="hour", zone_name=zone, shift=None, edges=edges)
    hours = dialect.at(question, "quarter", previous=False)
    quarters = f"generate_series({dialect.moment(begin)}, {dialect.moment(edges[-1] - quarter)}, interval '15 minutes')"
    rows = postgres.connection.execute(
        f"select distinct {hours} from {quarters} as quarter except ({dialect.series(question)})"
    )
    assert rows.fetchall() == []
    assert postgres.connection.execute(f"select count(*) from ({dialect.series(question)})").fetchone() == (
        24 * 40 - 1,
    )


def test_a_place_is_of_one_question(either):
    page = ask(either, LATENCY, between=RANGE, limit=5)
    with pytest.raises(QueryArgumentError, match="another question"):
        ask(either, LATENCY, between=RANGE, limit=5, after=page.next, dimensions=["service"])
    with pytest.raises(QueryArgumentError, match="another range"):
        ask(either, LATENCY, between=(START, START + timedelta(days=2)), limit=5, after=page.next)


def test_a_place_that_somebody_made_up_is_none(postgres):
    """Its range and its values are checked before they are used: no statement is written of what can't be."""
    given: dict[str, Any] = {"limit": 1, "order_by": "-request_count", "dimensions": ["service"]}
    for between in (RANGE, datetime.now(UTC) - START):
        arguments = {**given, "between": between}
        place = json.loads(base64.urlsafe_b64decode((ask(postgres, LATENCY, **arguments).next or "") + "=="))
        wrong: list[tuple[int, Any]] = [
            (3, [value, *place[3][1:]]) for value in ("x", "1.5", "nan", "1_0", "9" * 5000, "1\0")
        ]
        wrong += [(3, [place[3][0], value, *place[3][2:]]) for value in ("x", "infinity", "2026-01-01", "\0")]
        wrong += [(1, "0001-01-01T00:00:00+14:00"), (1, place[2]), (2, "9999-12-31T23:59:59-14:00")]
        for index, value in wrong:
            made = [value if at == index else kept for at, kept in enumerate(place)]
            after = base64.urlsafe_b64encode(json.dumps(made).encode()).decode()
            with pytest.raises(QueryArgumentError, match="after: "):
                ask(postgres, LATENCY, after=after, **arguments)


@pytest.mark.parametrize("granularity", ["total", "month"])
def test_a_range_so_long_that_nothing_lies_before_it_is_not_compared(postgres, granularity):
    with pytest.raises(QueryArgumentError, match="before the year 1"):
        ask(
            postgres, LATENCY, between=("1970-01-01", "9998-11-30"), granularity=granularity,
            compare="previous_period", measures=["request_count"],
        )  # fmt: skip


def test_totals_say_how_exact_they_are(either):
    """By the hour and by all dimensions, rows are stored as they are; over the range they are merged."""
    asked = {"dimensions": ["service", "endpoint", "method"], "granularity": "hour", "between": RANGE}
    found = ask(either, LATENCY, measures=["request_count", "p95_duration_ms"], compare="previous_period", **asked)
    exact = {column.name: column.exactness for column in found.columns if column.role == "measure"}
    assert exact == {"request_count": "exact", "p95_duration_ms": "exact"}
    assert {column.name: column.exactness for column in found.totals_columns} == {
        "request_count": "exact", "previous_request_count": "exact",
        "p95_duration_ms": "approximate", "previous_p95_duration_ms": "approximate",
    }  # fmt: skip
    assert set(found.totals) == {column.name for column in found.totals_columns}
    assert ask(either, LATENCY, totals=False, **asked).totals_columns == ()


def test_the_sql_runs_in_psql_as_it_stands(postgres, postgres_dsn):
    result = ask(
        postgres, LATENCY, between=RANGE, granularity="week", time_zone="Asia/Tokyo",
        dimensions=["service", "endpoint"], filters={"service": ["a", "it's\\ :here\n!"]},
        compare="previous_period", order_by="-request_count",
    )  # fmt: skip
    for text, rows in ((result.sql(), result.rows), (result.sql(totals=True), (tuple(result.totals.values()),))):
        done = subprocess.run(
            [find_programs() / "psql", "--csv", "-X", "-v", "ON_ERROR_STOP=1", "-d", postgres_dsn],
            input=text,
            capture_output=True, text=True, check=True, env={**os.environ, "PGTZ": "America/New_York"},
        )  # fmt: skip
        header, *lines = csv.reader(io.StringIO(done.stdout))
        assert len(lines) == len(rows) > 0
        told = [column for column in result.columns if column.name in header]
        for line, row in zip(lines, rows, strict=True):
            assert [_read(text, column.type) for text, column in zip(line, told, strict=True)] == list(row)


def _read(text, kind):
    if text == "":
        return None
    readers: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "datetime": datetime.fromisoformat}
    return readers.get(kind, str)(text)


def test_a_callers_transaction_stays_as_it_was(postgres, postgres_dsn):
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("create temporary table mine (i int)")
        before = connection.execute("show statement_timeout").fetchone()
        query(USERS, between=RANGE, database=connection, catalog=described(postgres))
        connection.execute("insert into mine values (1)")
        assert connection.execute("show statement_timeout").fetchone() == before
        assert connection.execute("select count(*) from mine").fetchone() == (1,)


def test_nothing_but_the_question_is_told_when_the_database_fails(postgres, postgres_dsn):
    with pytest.raises(QueryDatabaseError, match="longer than the timeout") as caught:
        ask(postgres, LATENCY, between=RANGE, filters={"endpoint": "hush"}, timeout=0.001, granularity="hour",
            time_zone="Asia/Tokyo", dimensions=["service", "endpoint", "method"])  # fmt: skip
    assert "hush" not in f"{caught.value!r}"
    assert caught.value.__cause__ is None
    with pytest.raises(QueryDatabaseError, match="can't be reached"):
        query(USERS, database="postgresql://u:hush@127.0.0.1:1/x", catalog=described(postgres))
    postgres.connection.execute('drop view "analytics_errors_hourly"')
    postgres.connection.execute('drop view "analytics_errors_hourly_v1_live"')
    with pytest.raises(QueryDatabaseError, match="does not have version 1 of analytics_errors_hourly"):
        ask(postgres, ERRORS, between=RANGE)


def test_another_catalogs_database_is_told(postgres):
    postgres.connection.execute("update analytics_meta.installation set catalog = 'shop'")
    with pytest.raises(QueryDatabaseError, match="belongs to the catalog shop, not to adi"):
        ask(postgres, USERS)
    postgres.connection.execute("delete from analytics_meta.aggregates")
    with pytest.raises(QueryDatabaseError, match="belongs to the catalog shop, not to adi"):
        ask(postgres, USERS)


async def _ask_in_asyncio(dsn, catalog):
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return await query_async(USERS, between=RANGE, database=connection, catalog=catalog)


def test_asyncio_gives_the_same_answer(postgres, postgres_dsn):

    other = asyncio.run(_ask_in_asyncio(postgres_dsn, described(postgres)))
    assert other.rows == ask(postgres, USERS, between=RANGE).rows


def test_tables_of_other_libraries_say_what_to_install(postgres, monkeypatch):
    result = ask(postgres, LATENCY, between=RANGE, dimensions=["service"], granularity="day")
    for package, change in (("polars", "to_polars"), ("pandas", "to_pandas"), ("pyarrow", "to_arrow")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(FrameMissingError, match=f"pip install {package}"):
            getattr(result, change)()


def test_the_catalog_is_described_by_its_manifest():
    found = describe("adi_analytics_events")
    catalog = load_catalog(EVENTS)
    # The rest are the questions about people, which have views of their own.
    assert [entry.name for entry in found.aggregates if entry.query is not None] == [
        entry.name for entry in catalog.aggregates
    ]
    errors = found.aggregate(ERRORS)
    assert errors.measure("sample_error_message").sensitivity == "personal"
    assert errors.text("error_count") == "Number of rows."
    assert describe(found) is found


def test_a_role_of_readers_reads_no_member(postgres, postgres_dsn):
    from adi_analytics.migrate.server.roles import needed

    role = f"reader_{uuid.uuid4().hex[:12]}"
    connection = postgres.connection

    place: Any = SimpleNamespace(schema="public", catalog="adi")
    connection.execute(f"create role {role}")
    try:
        for grant in needed("reader", postgres.described, place):
            connection.execute(grant.sql(role).encode())
        connection.execute(f"set role {role}")
        for entry in described(postgres).aggregates:
            if entry.query is None:
                continue
            assert len(ask(postgres, entry.name, between=RANGE)) > 0
        near = ask(postgres, USERS, between=RANGE, granularity="month", measures=["active_users"])
        assert near.columns[1].exactness == "approximate"
        with pytest.raises(MeasureRefusedError, match="this role may not read"):
            ask(postgres, USERS, between=RANGE, granularity="month", measures=["active_users"], distinct="exact")
        connection.execute("reset role")
        connection.execute(f"revoke usage on schema analytics_meta from {role}")
        connection.execute(f"set role {role}")
        with pytest.raises(QueryDatabaseError, match="--grant-reader"):
            ask(postgres, USERS, between=RANGE)
    finally:
        connection.execute("reset role")
        connection.execute(f"drop owned by {role}")
        connection.execute(f"drop role {role}")


def test_what_a_role_sets_for_its_sessions_does_not_change_an_answer(postgres, postgres_dsn):
    expected = query(
        LATENCY, between=RANGE, granularity="week", database=postgres.connection, catalog=described(postgres)
    )
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            "set datestyle = 'German, DMY'; set intervalstyle = sql_standard; set extra_float_digits = -9;"
            "set timezone = 'Asia/Kathmandu'; set standard_conforming_strings = off"
        )
        found = query(LATENCY, between=RANGE, granularity="week", database=connection, catalog=described(postgres))
        assert connection.execute("show datestyle").fetchone() == ("German, DMY",)
    assert (found.rows, found.totals) == (expected.rows, expected.totals)
