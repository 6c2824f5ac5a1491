"""Copies in both directions: every row, whatever it holds, and nothing else."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from adi_analytics import migrate
from support import text_ids
from support.copying import Pair, odd, other, pair, plain
from support.migrating import counted, execute, insert_events, rows, truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.clickhouse.databases import ClickhouseDatabases

USERS = [None, "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", str(uuid.UUID(int=0))]
SOURCES = ["postgres", "clickhouse"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["uuids", "texts"])
def test_odd_rows_arrive_as_they_are(source: str, kind: str, request: pytest.FixtureRequest) -> None:
    """The sums are made by two engines; that they are equal, and that the rows are, is found apart."""
    made: Pair = request.getfixturevalue(kind)
    users: Sequence[Any] = [None, *text_ids.IDS, ""] if made.text_ids else USERS
    given = odd(users=list(users))
    made.insert(source, given)

    before = made.copy(source, "--verify-only")
    copied = made.copy(source)
    again = made.copy(source, "--compare-documents")
    back = made.copy(other(source), "--compare-documents")

    assert before.code == 6
    assert sum(day["missing"] for day in before.json["days"]) == len(given)
    assert (copied.code, copied.json["copied"], copied.json["rows"]) == (0, len(given), len(given)), copied
    assert (again.code, again.json["copied"], again.json["days"]) == (0, 0, []), again
    assert (back.code, back.json["copied"], back.json["days"]) == (0, 0, []), back
    assert made.rows("postgres") == made.rows("clickhouse")
    assert len(made.rows(source)) == len(given)


@pytest.mark.parametrize("source", SOURCES)
def test_only_what_is_missing_is_added(uuids: Pair, source: str) -> None:
    target = other(source)
    both = [plain(number, f"2024-03-01 10:{number:02}:00+00") for number in range(40)]
    more = [plain(100 + number, f"2024-03-01 10:{number:02}:30+00") for number in range(3)]
    uuids.insert(source, both)
    uuids.insert(target, both[::2] + more)

    ran = uuids.copy(source)

    assert (ran.code, ran.json["copied"]) == (0, 20)
    assert [(day["missing"], day["extra"], day["changed"]) for day in ran.json["days"]] == [(0, 3, 0)]
    assert len(uuids.rows(target)) == 43
    assert len(uuids.rows(source)) == 40
    assert uuids.copy(source, "--verify-only").code == 6


def test_changes_of_one_row_are_found(uuids: Pair) -> None:
    given = [plain(number, f"2024-03-0{1 + number % 5} 10:00:00+00") for number in range(50)]
    uuids.insert("postgres", given)
    assert uuids.copy("postgres").code == 0

    execute(uuids.postgres, "update analytics_events set data = data || '{\"duration_ms\": 8}' where event_id ="
            f" '{given[7][5]}'")  # fmt: skip
    assert uuids.copy("postgres", "--verify-only").code == 0
    found = uuids.copy("postgres", "--verify-only", "--compare-documents")
    assert (found.code, found.json["changed_documents"]) == (6, [given[7][5]])

    execute(uuids.postgres, f"update analytics_events set service = 'other' where event_id = '{given[9][5]}'")
    found = uuids.copy("postgres", "--verify-only")
    assert found.code == 6
    assert [(day["day"][:10], day["changed"], day["missing"]) for day in found.json["days"]] == [("2024-03-05", 1, 0)]
    assert len(uuids.rows("clickhouse")) == len(given)


def test_rows_that_were_deleted_are_copied_again(uuids: Pair) -> None:
    """The target's memory of inserts must not take them for known."""
    uuids.insert("postgres", [plain(number, "2024-03-01 10:00:00+00") for number in range(9)])
    assert uuids.copy("postgres").json["copied"] == 9
    uuids.clickhouse.execute("delete from analytics_events where JSONExtractInt(data, 'duration_ms') < 100")
    assert uuids.copy("postgres", "--verify-only").json["days"][0]["missing"] == 9

    assert uuids.copy("postgres").json["copied"] == 9
    assert len(uuids.rows("clickhouse")) == 9


def test_numbers_mean_the_same(uuids: Pair) -> None:
    """What ClickHouse would read as a text or not at all is written as the double, or as null and told."""
    huge = "1" + "0" * 400
    numbers = {
        "1e20": 1e20, "18446744073709551615": 2**64 - 1, "-9223372036854775809": -(2.0**63), "0.1": 0.1,
        "123456789012345678901.5": 123456789012345678901.5, huge: None, f"-{huge}.5": None, "1e-400": None,
        "0." + "3" * 3000: 1 / 3,
    }  # fmt: skip
    given = [
        plain(at, "2024-03-01 10:00:00+00", data=f'{{"t": "\\"{huge}", "n": {text}, "z": [{text}]}}')
        for at, text in enumerate(numbers)
    ]
    uuids.insert("postgres", given)

    ran = uuids.copy("postgres", "--compare-documents")

    assert ran.code == 0, ran
    assert ran.json["replaced"] == 3
    assert ran.json["replaced_ids"] == [
        row[5] for row, value in zip(given, numbers.values(), strict=True) if value is None
    ]
    read = uuids.clickhouse.execute(
        "select JSONExtractString(data, 't') = {huge}, JSONExtract(data, 'n', 'Nullable(Float64)'),"
        " JSONType(data, 'n') in ('Double', 'Int64', 'UInt64', 'Null') from analytics_events final"
        " order by toString(event_id)".replace("{huge}", f"'\"{huge}'")
    )
    assert [(same, None if value is None else float(value), kind) for same, value, kind in read] == [
        (1, None if value is None else float(value), 1) for value in numbers.values()
    ]
    documents = [row[4] for row in uuids.rows("postgres")]
    assert len(str(documents[5]["n"])) > 300


def test_documents_that_databases_read_differently_are_found(uuids: Pair) -> None:
    """None that a worker writes: what ClickHouse takes for nothing, and a key that comes twice."""
    documents = ['{"a": 1, "n": 1e400}', '{"a": 1, "a": 2}', '{"a": 1.0, "b": [2]}']
    given = [plain(at, "2024-03-01 10:00:00+00", data=text) for at, text in enumerate(documents)]
    uuids.insert("clickhouse", given)

    ran = uuids.copy("clickhouse", "--compare-documents")

    assert (ran.code, ran.json["copied"]) == (6, 3)
    assert ran.json["changed_documents"] == [row[5] for row in given[:2]]


def test_what_postgres_refuses_is_told(uuids: Pair) -> None:
    given = [plain(number, "2024-03-01 10:00:00+00") for number in range(30)]
    given[11] = (*given[11][:4], '{"a": "\\u0000"}', *given[11][5:])
    given[12] = (*given[12][:4], "no document", *given[12][5:])
    random = "".join(uuid.uuid4().hex for _ in range(1000))  # too long for an index, and does not compress
    given[13] = (*given[13][:2], random, *given[13][3:])
    uuids.insert("clickhouse", given)

    ran = uuids.copy("clickhouse")

    assert ran.code == 6
    assert (ran.json["copied"], ran.json["refused"]) == (27, 3)
    assert [one["event_id"] for one in ran.json["examples"]] == [given[at][5] for at in (11, 12, 13)]
    assert "u0000" not in ran.out
    assert [row[5] for row in uuids.rows("postgres")] == [row[5] for row in (*given[:11], *given[14:])]


def test_many_rows_of_one_moment_and_long_documents(uuids: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than fit a page, all of one microsecond, and buckets that are cut down to it."""
    from adi_analytics.migrate.copy import clickhouse, compare, postgres, run

    for module in (clickhouse, compare, postgres, run):
        if hasattr(module, "MOST_ROWS"):
            monkeypatch.setattr(module, "MOST_ROWS", 50)
    monkeypatch.setattr(compare, "_LARGEST", 20)
    monkeypatch.setattr(run, "MOST_BYTES", 100_000)
    long = json.dumps({"text": "x" * 60_000})
    given = [plain(number, "2024-03-01 10:00:00.000007+00") for number in range(230)]
    given += [plain(1000 + number, f"2024-03-01 10:00:00.00{number}+00", data=long) for number in range(9)]
    uuids.insert("postgres", given)
    uuids.insert("clickhouse", given[10:200:3])

    ran = uuids.copy("postgres", "--compare-documents")

    assert (ran.code, ran.json["copied"], ran.json["rows"]) == (0, 239 - 64, 239), ran
    assert uuids.rows("postgres") == uuids.rows("clickhouse")


def test_a_time(uuids: Pair) -> None:
    uuids.insert("postgres", [plain(number, f"2024-03-01 {number:02}:30:00+00") for number in range(24)])
    ran = uuids.copy("postgres", "--since", "2024-03-01T05:30:00", "--until", "2024-03-01T09:30:00")
    assert (ran.code, ran.json["copied"]) == (0, 4)
    assert uuids.copy("postgres", "--verify-only", "--until", "2024-03-01T05:30:00").json["days"][0]["missing"] == 5


def test_maintain_counts_what_was_copied(uuids: Pair) -> None:
    options = migrate.Options(database_url=uuids.postgres)
    insert_events(uuids.postgres, 400)
    assert uuids.copy("postgres").code == 0
    execute(uuids.postgres, "truncate analytics_events")
    migrate.refresh(options=options)  # everything is stored, and there was nothing

    assert uuids.copy("clickhouse").json["copied"] == 400
    migrate.maintain(options)

    assert counted(uuids.postgres) == truth(uuids.postgres) != {}


def test_late_hours_are_marked_for_postgres(uuids: Pair) -> None:
    uuids.insert("clickhouse", [plain(number, f"2024-03-01 {number:02}:30:00+00") for number in range(3)])
    assert uuids.copy("clickhouse").code == 0
    marked = rows(
        uuids.postgres, "select to_char(bucket at time zone 'UTC', 'HH24') from analytics_meta.late_buckets order by 1"
    )
    assert marked == [("00",), ("01",), ("02",)]


@pytest.mark.timescaledb
def test_timescaledb(clickhouse_databases: ClickhouseDatabases, timescale_migrated_dsn: str) -> None:
    with pair(clickhouse_databases, timescale_migrated_dsn) as made:
        made.insert("postgres", [plain(number, f"2026-11-{1 + number % 25:02} 10:00:00+00") for number in range(300)])
        assert made.copy("postgres").json["copied"] == 300
        execute(made.postgres, "delete from analytics_events where (data ->> 'duration_ms')::int % 3 = 0")
        ran = made.copy("clickhouse", "--compare-documents")
        assert (ran.code, ran.json["copied"], ran.json["days"]) == (0, 100, [])
