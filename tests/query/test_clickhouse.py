"""What only ClickHouse can show: its statements, its errors, and what it knows of stored and lost rows."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from adi_analytics._shared.clickhouse.address import parse_clickhouse
from adi_analytics._shared.clickhouse.session import AsyncClickhouseSession
from adi_analytics.query import QueryDatabaseError, QueryError, members_async, query, query_async
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.asking import ask, described
from support.clickhouse.databases import ask as run
from support.clickhouse.installed import Installed
from support.clickhouse.proxy import Answer, FaultyProxy
from support.full import examples
from support.paths import EVENTS

LATENCY, ERRORS, USERS = "analytics_api_latency_hourly", "analytics_errors_hourly", "analytics_daily_active_users"
CATALOG = load_catalog(EVENTS)
RANGE = (START, START + timedelta(days=40))

KINDS = {"n": "int", "x": "float", "price": "decimal", "ok": "bool", "who": "uuid", "day": "date", "at": "datetime"}
MORE = {"decimal": {"precision": 20, "scale": 2}}
DOCUMENT = {
    "catalog": {"format": 2, "name": "kinds", "owner": "me", "outputs": ["python", "sql", "clickhouse"]},
    "domains": {"test": "All."},
    "events": {
        "seen": {
            "domain": "test",
            "description": "One value of each type.",
            "fields": {
                name: {"type": kind, "description": name, "optional": True, **MORE.get(kind, {})}
                for name, kind in KINDS.items()
            },
        }
    },
    "aggregates": {
        "by_kind": {
            "description": "By all of them.",
            "from": ["seen"],
            "bucket": {"as": "day", "width": "1 day"},
            "dimensions": {f"its_{name}": name for name in KINDS},
            "measures": {
                # Names of columns in the statements, which must not be taken for these.
                "c1": {"count": True},
                "v1": {"sum": "x"},
                "part": {"sum": "price"},
                "d1": {"sum": "n"},
                "row": {"min": "who"},
                "s1": {"max": "at"},
            },
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
        }
    },
}


@pytest.fixture(scope="module")
def kinds(clickhouse_databases, tmp_path_factory):
    """A catalog with a dimension of each type, stored in part."""
    file = tmp_path_factory.mktemp("kinds") / "events.yaml"
    file.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    with clickhouse_databases.empty() as url:
        made = Installed.create(url, load_catalog(file))
        made.insert(_rows())
        made.refresh(START + timedelta(days=2))
        yield made


def _rows():
    for number in range(24):
        values = {
            "n": number % 3 - 1, "x": 0.1 * (number % 4), "price": f"{number % 5}.10", "ok": number % 2 == 0,
            "who": str(uuid.UUID(int=(number % 4) << 120 | (7 - number % 4))), "day": f"2026-01-0{1 + number % 3}",
            "at": f"2026-01-01T00:00:0{number % 2}.5Z",
        }  # fmt: skip
        data = {name: value for name, value in values.items() if (number + len(name)) % 5}
        yield Row(START + timedelta(hours=4 * number), "seen", json.dumps(data))


@st.composite
def questions(draw):
    aggregate = draw(st.sampled_from(CATALOG.aggregates))
    names = [dimension.name for dimension in aggregate.dimensions]
    measures = [measure.name for measure in aggregate.measures]
    start = START + timedelta(hours=draw(st.integers(-48, 24 * 45)))
    tests: tuple[Any, ...] = ("a", ["a", "GET"], None, {"ne": "b"}, {"gt": "a"})
    filtered = st.dictionaries(st.sampled_from(names), st.sampled_from(tests), max_size=1) if names else st.just({})
    order = draw(st.none() | st.sampled_from([*measures, *(f"-{name}" for name in measures)]))
    arguments = {
        "between": (start, start + timedelta(hours=draw(st.sampled_from((1, 24, 24 * 7, 24 * 40, 24 * 400))))),
        "granularity": draw(st.sampled_from(("bucket", "hour", "day", "week", "month", "total"))),
        "time_zone": draw(st.sampled_from((None, "UTC", "Europe/Berlin", "America/Havana", "Asia/Kolkata"))),
        "dimensions": draw(st.lists(st.sampled_from(names), unique=True)) if names else [],
        "filters": draw(filtered),
        "compare": draw(st.sampled_from((None, "previous_period", "previous_year"))),
        "distinct": draw(st.sampled_from(("auto", "approximate"))),
        "limit": draw(st.sampled_from((None, 4))),
        "suppress_below": draw(st.sampled_from((None, 3))),
        "fill": draw(st.booleans()),
        "personal": True,
    }
    more = {} if order is None else {"order_by": [order], "measures": [order.removeprefix("-")]}
    return aggregate.name, arguments | more


def test_both_databases_say_the_same(postgres, clickhouse):
    answered: list[int] = []

    @settings(deadline=None, max_examples=examples(90), suppress_health_check=list(HealthCheck))
    @given(asked=questions())
    def run(asked):
        name, arguments = asked
        one, other = (_said(installed, name, arguments) for installed in (postgres, clickhouse))
        assert type(one) is type(other)
        if isinstance(one, QueryError):
            assert str(one) == str(other)
            return
        for attribute in ("columns", "totals_columns", "states", "state", "warnings", "watermark", "query", "next"):
            assert getattr(one, attribute) == getattr(other, attribute), attribute
        assert len(one) == len(other)
        for row, same in zip([*one, one.totals], [*other, other.totals], strict=True):
            assert list(row.values()) == [_near(value) for value in same.values()]
        answered.append(len(one))

    run()
    assert any(answered)


def _said(installed: Any, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return ask(installed, name, **arguments)
    except QueryError as error:
        return error


def _near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-11) if isinstance(value, float) else value


def test_pages_by_values_of_every_type_are_the_whole_answer_cut(kinds):
    dimensions = [f"its_{name}" for name in KINDS]
    asked = {"between": (START, START + timedelta(days=4)), "granularity": "total", "dimensions": dimensions}
    for order in (["-its_who", "its_price"], ["-part", "-v1", "its_at"], ["d1", "-its_ok", "its_day", "-its_x"]):
        whole = ask(kinds, "by_kind", order_by=order, **asked)
        place: str | None = None
        cut: list[Any] = []
        while place is not None or not cut:
            page = ask(kinds, "by_kind", order_by=order, limit=5, after=place, **asked)
            cut += page.rows
            place = page.next
        assert tuple(cut) == whole.rows
        assert len(cut) == 24
        first = [row[order[0].lstrip("-")] for row in whole]
        known = [one for one in first if one is not None]
        assert known == sorted(known, reverse=order[0].startswith("-"))  # as PostgreSQL sorts them, uuids too
        assert first == known + [None] * (len(first) - len(known))


def test_values_have_the_types_that_postgresql_gives(kinds):
    dimensions = [f"its_{name}" for name in KINDS]
    result = ask(kinds, "by_kind", between=(START, START + timedelta(days=4)), dimensions=dimensions, fill=False)
    types = {
        column.name: {type(value) for value in values} - {type(None)}
        for column, values in zip(result.columns, zip(*result.rows, strict=True), strict=True)
    }
    own = (int, float, Decimal, bool, uuid.UUID, date, datetime)
    assert [types[name] for name in dimensions] == [{kind} for kind in own]
    assert types["day"] == types["s1"] == {datetime}
    assert types["part"] == types["v1"] == {Decimal}
    assert result.totals["part"] == sum(row["part"] or 0 for row in result)
    assert result.totals["c1"] == 24


def test_a_filter_holds_of_values_of_every_type(kinds):
    rows = [json.loads(row.data) for row in _rows()]

    def counted(**filters):
        asked = {"between": (START, START + timedelta(days=4)), "granularity": "total", "totals": False}
        return ask(kinds, "by_kind", filters=filters, measures=["c1"], **asked).rows[0][0]

    for name, value in (
        ("n", -1), ("x", 0.1), ("price", "1.10"), ("ok", False), ("day", "2026-01-02"),
        ("at", "2026-01-01T00:00:01.5Z"), ("who", str(uuid.UUID(int=7))),
    ):  # fmt: skip
        given = Decimal(value) if name == "price" else value
        found = sum(row.get(name) == value for row in rows)
        assert counted(**{f"its_{name}": given}) == counted(**{f"its_{name}": {"in": [given, given]}}) == found > 0
        assert counted(**{f"its_{name}": {"ne": given}}) == sum(row.get(name) not in {None, value} for row in rows)
        assert counted(**{f"its_{name}": None}) == sum(name not in row for row in rows)
    large = Decimal("1e50")
    assert counted(its_price={"lt": large}) == sum("price" in row for row in rows)
    assert counted(its_price={"gte": large}) == 0


def test_a_filter_is_a_value_whatever_it_holds(own_clickhouse):
    texts = ("it's", "\\", "%s", "a\nb", '"; drop table x; --', "$1", "{a:String}", "`", "é", "\r\t")
    events = [{"endpoint": text, "method": "GET", "duration_ms": 5, "status_code": 200} for text in texts]
    own_clickhouse.insert([Row(START + timedelta(days=30), "api_request", json.dumps(event)) for event in events])
    for text in texts:
        result = ask(own_clickhouse, LATENCY, between=RANGE, filters={"endpoint": text}, granularity="total")
        assert result.totals["request_count"] == 1, text


def test_the_sql_runs_as_it_stands(clickhouse):
    result = ask(
        clickhouse, LATENCY, between=RANGE, granularity="week", time_zone="Asia/Tokyo",
        dimensions=["service", "endpoint"], filters={"service": ["a", "it's\\ :here\n!"]},
        compare="previous_period", order_by="-request_count",
    )  # fmt: skip
    for text, rows in ((result.sql(), len(result)), (result.sql(totals=True), 1)):
        found = run(clickhouse.dsn, text, session_timezone="Asia/Kathmandu", default_format="JSONCompactEachRow")
        assert len(found.splitlines()) == rows > 0


def test_starts_of_the_answers_buckets_are_right_for_centuries(clickhouse):
    late = ("2150-01-01", "2150-12-31")
    clickhouse_days = ask(clickhouse, LATENCY, between=late, granularity="day", time_zone="America/Havana")
    assert len(clickhouse_days) == 365
    months = ask(
        clickhouse, USERS, between=("1970-01-01", "2969-12-31"), granularity="month", measures=["total_events"]
    )
    assert len(months) == 12_000
    assert sum(row["total_events"] for row in months) == months.totals["total_events"] > 0
    berlin = {"between": ("1970-01-02", "2100-12-31"), "granularity": "day", "time_zone": "Europe/Berlin"}
    days = ask(clickhouse, LATENCY, **berlin, measures=["request_count"], fill=False)
    assert sum(row["request_count"] for row in days) == days.totals["request_count"] > 0
    assert {row["hour"].hour for row in days} == {0}


def test_buckets_that_lost_events_are_incomplete(own_clickhouse):
    begins = START + timedelta(days=10)
    dropped = f"insert into analytics_meta_expired values ('{begins:%Y-%m-%d %H:%M:%S}', '{{}}-01-01 00:00:00')"
    run(own_clickhouse.dsn, dropped.format(2020))  # after they were stored: their versions are small numbers
    assert ask(own_clickhouse, USERS, between=RANGE).state == "final"
    run(own_clickhouse.dsn, dropped.format(1960))  # before
    result = ask(own_clickhouse, USERS, between=RANGE)
    assert result.states == ("incomplete",) * 10 + ("final",) * 30
    assert result.state == "incomplete"


def test_what_is_not_stored_yet_is_counted(own_clickhouse):
    before = ask(own_clickhouse, USERS, between=RANGE)
    run(own_clickhouse.dsn, "truncate table analytics_meta_buckets")
    after = ask(own_clickhouse, USERS, between=RANGE)
    assert (before.watermark, after.watermark) == (START + timedelta(days=25), None)
    assert (after.rows, after.totals) == (before.rows, before.totals)


def test_asyncio_and_the_environment_give_the_same_answer(clickhouse, monkeypatch):
    catalog = described(clickhouse)
    expected = ask(clickhouse, USERS, between=RANGE)
    monkeypatch.setenv("DATABASE_URL", clickhouse.database)

    async def both():
        return (
            await query_async(USERS, between=RANGE, database=clickhouse.database, catalog=catalog),
            await members_async(between=RANGE, catalog=catalog),
        )

    answer, people = asyncio.run(both())
    assert (answer.rows, answer.totals, answer.columns) == (expected.rows, expected.totals, expected.columns)
    assert len(people) > 20
    assert query(USERS, between=RANGE, catalog=catalog).rows == expected.rows


def test_questions_at_once_share_a_session(clickhouse):
    catalog, names = described(clickhouse), (USERS, LATENCY, ERRORS, USERS)

    async def ask_all():
        session = AsyncClickhouseSession(parse_clickhouse(clickhouse.database), connections=2)
        try:
            asked = (query_async(name, between=RANGE, database=session, catalog=catalog) for name in names)
            return await asyncio.gather(*asked)
        finally:
            await session.close()

    found = asyncio.run(ask_all())
    assert [answer.query.aggregate for answer in found] == list(names)
    assert found[0].rows == found[3].rows == ask(clickhouse, USERS, between=RANGE).rows


def test_another_catalogs_database_is_told(clickhouse):
    other = msgspec.structs.replace(described(clickhouse), catalog="shop")
    with pytest.raises(QueryDatabaseError, match="belongs to the catalog adi, not to shop"):
        query(USERS, database=clickhouse.database, catalog=other)
    absent = msgspec.structs.replace(other.aggregate(USERS), name="orders_daily")
    with pytest.raises(QueryDatabaseError, match="belongs to the catalog adi, not to shop"):
        query(
            "orders_daily", database=clickhouse.database, catalog=msgspec.structs.replace(other, aggregates=(absent,))
        )


def test_nothing_but_the_question_is_told_when_the_database_fails(own_clickhouse):
    catalog = described(own_clickhouse)
    with pytest.raises(QueryDatabaseError, match=r"longer than the timeout \(code 159\)") as caught:
        ask(own_clickhouse, LATENCY, between=RANGE, filters={"endpoint": "hush"}, timeout=0.001)
    assert "hush" not in f"{caught.value!r}"
    assert caught.value.__cause__ is None
    with pytest.raises(QueryDatabaseError, match="can't be reached") as unreachable:
        query(USERS, database="clickhouse://u:hush@127.0.0.1:1/x", catalog=catalog)
    assert "hush" not in f"{unreachable.value!r} {unreachable.value}"
    run(own_clickhouse.dsn, "drop view analytics_errors_hourly_v1_live")
    with pytest.raises(QueryDatabaseError, match="does not have version 1 of analytics_errors_hourly"):
        ask(own_clickhouse, ERRORS, between=RANGE)
    run(own_clickhouse.dsn, "drop view analytics_meta_aggregates")
    with pytest.raises(QueryDatabaseError, match="analytics-migrate all"):
        ask(own_clickhouse, USERS, between=RANGE)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (516, "password"),
        (497, "may not read"),
        (241, "too little memory"),
        (81, "no such database"),
        (6, "can't answer"),
    ],
)
def test_an_error_of_the_server_is_told_by_its_code(clickhouse, code, said):
    with FaultyProxy(clickhouse.dsn) as proxy:
        proxy.answer_all = Answer(500, code, f"Code: {code}. DB::Exception: hush hush")
        with pytest.raises(QueryDatabaseError, match=said) as caught:
            query(USERS, database=proxy.dsn, catalog=described(clickhouse))
    assert caught.value.sqlstate == str(code)
    assert "hush" not in f"{caught.value} {caught.value!r}"


def test_it_needs_no_libpq(clickhouse, tmp_path):
    """As where psycopg is installed without it."""
    file = tmp_path / "described.json"
    file.write_bytes(msgspec.json.encode(described(clickhouse)))
    program = """
import pathlib, sys
sys.modules["psycopg"] = None
import msgspec
from adi_analytics.query import query
from adi_analytics.query.model.describe import Described

catalog = msgspec.json.decode(pathlib.Path(sys.argv[1]).read_bytes(), type=Described)
print(len(query("analytics_daily_active_users", database=sys.argv[2], catalog=catalog)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), clickhouse.database], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("30\n", "")
