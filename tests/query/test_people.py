"""Questions about people, of some buckets, on every backend, against plain Python over the events."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from adi_analytics.embedded.programs import find_programs
from adi_analytics.query import QueryArgumentError, Result, funnel, funnel_async, members, query, retention
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.asking import described, register
from support.backends import BACKENDS, empty_dsn
from support.clickhouse.installed import Installed as OnClickhouse
from support.people import cases, oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from support.clickhouse.databases import ClickhouseDatabases

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=18)
ROWS = cases.rows(7, START)
STORED = START + timedelta(days=11, hours=7)
RANGE = (START + timedelta(days=3), TODAY)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(cases.write(tmp_path_factory.mktemp("people")))


def install(dsn: str, catalog: Catalog, backend: str) -> Iterator[Installed]:
    with connect(dsn) as connection:
        made = Installed.create(connection, catalog, backend)
        register(made)
        made.insert(ROWS)
        made.refresh(STORED)
        yield made


@pytest.fixture(scope="module")
def clickhouse(clickhouse_databases: ClickhouseDatabases, catalog: Catalog) -> Iterator[OnClickhouse]:
    with clickhouse_databases.empty() as url:
        made = OnClickhouse.create(url, catalog)
        made.insert(ROWS)
        made.refresh(STORED)
        yield made


@pytest.fixture(params=[*BACKENDS, "clickhouse"])
def asked(request: pytest.FixtureRequest, catalog: Catalog) -> Iterator[Installed | OnClickhouse]:
    if request.param == "clickhouse":
        yield request.getfixturevalue("clickhouse")
    else:
        yield from install(empty_dsn(request.param, request), catalog, request.param)


@pytest.fixture
def postgres(postgres_dsn: str, catalog: Catalog) -> Iterator[Installed]:
    yield from install(postgres_dsn, catalog, "postgres")


def of(installed: Installed | OnClickhouse, ask: Any, *arguments: Any, **more: Any) -> Result:
    found: Result = ask(*arguments, database=installed.database, catalog=described(installed), **more)
    return found


def same(result: Result, wanted: list[tuple[Any, ...]]) -> None:
    """Compare an answer with the rows that it must have."""
    assert sorted(map(plain, result.rows)) == sorted(map(plain, wanted)), result.query.aggregate
    assert len(wanted) > 3


def plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    """Return *row* to be sorted and compared: doubles but for their last digits."""
    return tuple(
        f"{one:.9g}" if isinstance(one, float) else str(one.astimezone(UTC) if isinstance(one, datetime) else one)
        for one in row
    )


def test_the_answers_are_those_of_the_events(asked: Installed | OnClickhouse, catalog: Catalog) -> None:
    def within(question: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [row for row in rows if oracle.bucket(question, RANGE[0]) <= row[0] < RANGE[1]]

    for question in catalog.members:
        counts, _ = oracle.members(question, ROWS)
        same(of(asked, members, question.entity.name, between=RANGE), within(question, counts))
    for one in catalog.retention:
        if one.bucket_width <= timedelta(days=1):  # weeks are none of the range
            found = of(asked, retention, one.name, between=RANGE)
            cells = within(one, oracle.retention(one, ROWS, found.at))
            same(found, cells)
            assert [state == "final" for state in found.states] == [row["complete"] for row in found]
            same(of(asked, retention, one.name, show="mean", between=RANGE), oracle.mean(cells))
            lifecycle = of(asked, retention, one.name, show="lifecycle", between=RANGE)
            same(lifecycle, within(one, oracle.lifecycle(one, ROWS, lifecycle.at)))
    for flow in catalog.funnels:
        if flow.bucket_width <= timedelta(days=1):
            total, steps = (of(asked, funnel, flow.name, show=show, between=RANGE) for show in ("total", "steps"))
            right = oracle.funnel(flow, ROWS, total.at)
            same(total, within(flow, right[0]))
            same(steps, within(flow, right[1]))
            assert [state == "provisional" for state in total.states] == [row["provisional"] for row in total]


def test_an_answer_says_what_it_is(either: Installed | OnClickhouse) -> None:
    total = of(either, funnel, "by_kind_ended", between=RANGE, filters={"n": [1, 2]}, time_zone="Europe/Berlin")
    assert [(c.name, c.type, c.role) for c in total.columns[:3]] == [
        ("day", "datetime", "bucket"), ("n", "int", "dimension"), ("entered", "int", "measure")
    ]  # fmt: skip
    assert {c.unit for c in total.columns if c.name.startswith("seconds")} == {"seconds"}
    assert all(c.description and c.exactness == "exact" for c in total.columns)
    assert {row["n"] for row in total} == {1, 2}
    assert total.query.aggregate == "by_kind_ended"
    assert next(iter(total))["day"].tzname() in {"CET", "CEST"}
    one = of(either, funnel, "by_kind_ended", between=RANGE, limit=1)
    assert (len(one), [warning.code for warning in one.warnings]) == (1, ["cut"])
    assert of(either, members, between=RANGE).state == "final"


def test_few_members_are_kept_back(either: Installed | OnClickhouse) -> None:
    shown, kept = (of(either, funnel, "plain", show="steps", between=RANGE, suppress_below=k) for k in (None, 5))
    for row, less in zip(shown, kept, strict=True):
        few = 0 < row["members"] < 5
        assert (less["members"], less["rate"]) == ((None, None) if few else (row["members"], row["rate"]))
    assert any(row["members"] is None for row in kept)
    counts = of(either, members, between=RANGE, suppress_below=5)
    assert all((row["new_members"] is None) == (row["returning_members"] is None) for row in counts)


def test_what_is_wrong_is_named(either: Installed | OnClickhouse) -> None:
    for ask, arguments, parameter in (
        (funnel, {"name": "first_on"}, "name"),
        (retention, {"name": "first_no"}, "name"),
        (members, {"entity": "things"}, "entity"),
        (retention, {"name": "first_on", "show": "curve"}, "show"),
        (funnel, {"name": "plain", "filters": {"kind": "p"}}, "filters"),
        (funnel, {"name": "plain", "between": ("2026-02-30", "2026-03-01")}, "between"),
        (members, {"time_zone": "Mars/Olympus"}, "time_zone"),
        (members, {"time_zone": "localtime"}, "time_zone"),  # there is a file of that name, of the machine
        (members, {"time_zone": "right/UTC"}, "time_zone"),
        (members, {"suppress_below": 0}, "suppress_below"),
        (funnel, {"name": "plain", "limit": 0}, "limit"),
    ):
        with pytest.raises(QueryArgumentError) as caught:
            of(either, ask, **arguments)
        assert caught.value.parameter == parameter, arguments
        assert caught.value.remedy
    with pytest.raises(QueryArgumentError, match=r"Ask it with funnel\(\)"):
        of(either, query, "plain")


def test_a_personal_dimension_is_shown_to_who_may_see_it(postgres: Installed) -> None:
    catalog = described(postgres)
    delicate = [replace_people(entry) if entry.name == "by_kind_ended" else entry for entry in catalog.aggregates]
    given = type(catalog)(catalog.format, catalog.catalog, tuple(delicate))
    with pytest.raises(QueryArgumentError, match="personal"):
        funnel("by_kind_ended", between=RANGE, database=postgres.connection, catalog=given)
    assert len(funnel("by_kind_ended", between=RANGE, database=postgres.connection, catalog=given, personal=True)) > 3


def replace_people(entry: Any) -> Any:
    """Return *entry* with a dimension that is personal."""
    (dimension,) = entry.people.dimensions
    people = msgspec.structs.replace(
        entry.people, dimensions=(msgspec.structs.replace(dimension, sensitivity="personal"),)
    )
    return msgspec.structs.replace(entry, people=people)


def test_the_sql_runs_in_psql_and_asyncio_says_the_same(postgres: Installed, postgres_dsn: str) -> None:
    result = of(postgres, retention, "first_on", show="mean", between=RANGE, suppress_below=2)
    done = subprocess.run(
        [find_programs() / "psql", "--csv", "-X", "-t", "-v", "ON_ERROR_STOP=1", "-d", postgres_dsn],
        input=result.sql(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == len(result)

    async def ask() -> Result:
        async with await psycopg.AsyncConnection.connect(postgres_dsn) as connection:
            return await funnel_async("plain", between=RANGE, database=connection, catalog=described(postgres))

    assert asyncio.run(ask()).rows == of(postgres, funnel, "plain", between=RANGE).rows
