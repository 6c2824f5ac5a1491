"""ClickHouse gives the answers of the other backends: the oracle's, for any catalog, row and state of refresh."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.aggregates.catalogs import NUMBERS, OF_ITEMS, SCALARS, SPRING, catalogs, every_measure, rows
from support.aggregates.installed import Installed as OnPostgres
from support.aggregates.installed import connect
from support.aggregates.oracle import Row
from support.aggregates.streams import ODD_DOCUMENTS, ODD_VALUES, START, stream
from support.clickhouse.databases import ask
from support.clickhouse.installed import Installed, statements
from support.full import examples
from support.paths import EVENTS, ROOT

SEVEN = load_catalog(EVENTS)
ROWS = stream(SEVEN)
RELAXED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture
def seven(clickhouse_databases):
    with clickhouse_databases.empty() as dsn:
        yield Installed.create(dsn, SEVEN)


def test_every_state_of_refresh_gives_the_oracles_rows(seven):
    half = len(ROWS) // 2
    seven.insert(ROWS[half:])
    seven.check(ROWS[half:])  # nothing stored: all in real time
    seven.refresh(START + timedelta(days=80, hours=7))
    seven.insert(ROWS[:half])
    seven.refresh(START + timedelta(days=80, hours=7))  # late rows change stored buckets
    seven.insert(ROWS[:half])  # once more: a retry
    seven.check(ROWS)
    seven.refresh(START + timedelta(days=200))
    seven.check(ROWS)


def test_the_documented_refresh_stores_what_it_says(seven):
    found = re.search(
        r"<!-- refresh -->\s*```sql\n(.*?)```", (ROOT / "docs/reference/clickhouse.md").read_text(), re.DOTALL
    )
    assert found is not None
    seven.insert(ROWS)
    for text in (found[1], found[1].replace("7", "8")):
        for statement in text.split(";\n"):
            if statement.strip():
                ask(seven.dsn, statement)
    seven.check(ROWS)
    stored = ask(seven.dsn, "select count() > 20, max(_version) from analytics_task_stats_daily_v1")
    assert stored == b"1\t8\n"
    live = ask(seven.dsn, "select max(day) < '2026-02-01' from analytics_task_stats_daily_v1")
    assert live == b"1\n"


def test_a_refresh_that_was_killed_changes_nothing(seven):
    seven.insert(ROWS[:600])
    seven.refresh(START + timedelta(days=20))
    for aggregate in SEVEN.aggregates:
        seven.store(aggregate, START + timedelta(days=200), 1000)  # and it is not published
    seven.check(ROWS[:600])


def test_every_measure_over_every_odd_value(clickhouse_databases):
    catalog = every_measure("9" * 30)
    odd = [value.replace("1e307", "1e30") for value in ODD_VALUES]
    texts = [json.dumps(name) + ": " + value for name in SCALARS for value in odd]
    nested = [f'"The outer": {{"in.ner": {{"int": {value}}}}}' for value in odd]
    nested += [f'"The outer": {{"in.ner": {value}}}' for value in odd]
    items = [*odd, *(f"{{{json.dumps(name)}: {value}}}" for name in OF_ITEMS for value in odd)]
    lists = ["null", "7", '"[]"', "{}", *(f"[{', '.join(items[at : at + 20])}]" for at in range(0, len(items), 20))]
    nested += [f'"The outer": {{"li.st": {value}}}' for value in lists]
    documents = [*ODD_DOCUMENTS, *("{" + text + "}" for text in (*texts, *nested))]
    found = [
        Row(START + timedelta(hours=7 * number), "e", document, event_id=uuid.UUID(int=number))
        for number, document in enumerate(documents)
    ]
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(found)
        installed.refresh(START + timedelta(days=len(documents) * 7 // 48))  # half of them: the others are live
        installed.check(found)


@settings(RELAXED, max_examples=examples(12))
@given(catalog=catalogs(("1", "-1", "0.5", "-2", "1000000")), data=st.data())
def test_random_catalogs(clickhouse_databases, catalog, data):
    drawn = data.draw(rows(catalog, small=True))
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(drawn)
        for day in (10, 60):
            installed.refresh(SPRING + timedelta(days=day))
            installed.check(drawn)


TRAVELS = """
catalog: {format: 2, name: travels}
storage: {table: travels_events, chunk_interval: 5 days, retention: never, compress_after: never}
events: {seen: {domain: d, description: A visit, fields: {size: {type: int}}}}
domains: {d: D}
aggregates:
  berlin_days:
    description: Visits
    from: all
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
    bucket: {as: day, width: 1 day, time_zone: Europe/Berlin}
    measures: {rows: {count: true}, weekly: {distinct: $user_id, trailing: 7 days}}
  months:
    description: Visits
    from: all
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
    bucket: {as: month, width: 1 month}
    measures: {rows: {count: true}, quarterly: {distinct: $user_id, trailing: 3 months}}
  island_weeks:
    description: Visits
    from: all
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
    bucket: {as: week, width: 1 week, time_zone: Australia/Lord_Howe}
    measures: {rows: {count: true}, monthly: {distinct: $user_id, trailing: 4 weeks}}
  samoan_days:
    description: Visits
    from: all
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
    bucket: {as: day, width: 1 day, time_zone: Pacific/Apia}
    dimensions: {service: $service}
    measures: {rows: {count: true}, three: {distinct: $user_id, trailing: 3 days}}
  santiago_days:
    description: Visits
    from: all
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
    bucket: {as: day, width: 1 day, time_zone: America/Santiago}
    measures: {rows: {count: true}}
"""
CHANGES = (
    datetime(2011, 12, 30, 10, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2025, 9, 7, 4, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
)
"""When Samoa skipped a day, Berlin and Santiago put their clocks forward, this one at midnight, and Berlin back."""


def test_days_weeks_and_months_of_time_zones(clickhouse_databases, tmp_path):
    (tmp_path / "events.yaml").write_text(TRAVELS)
    catalog = load_catalog(tmp_path / "events.yaml")
    visits = [
        Row(at + timedelta(minutes=30 * n), "seen", "{}", uuid.UUID(int=n % 4 + 1), "ab"[n % 2])
        for at in CHANGES
        for n in (-98, -50, -48, -4, -2, -1, 0, 1, 2, 3, 44, 46, 47, 140, 1500)
    ]
    with clickhouse_databases.empty() as dsn:
        installed = Installed.create(dsn, catalog)
        installed.insert(visits)
        installed.check(visits)
        installed.refresh(CHANGES[-1] + timedelta(days=10))
        installed.check(visits)


WITHOUT_DIMENSIONS = {f"of_{kind}" for kind in SCALARS}


def test_sketches_and_distributions_are_those_of_postgres(clickhouse_databases, postgres_dsn):
    """So what was stored on PostgreSQL can be copied, and goes on being merged."""
    catalog = every_measure("9" * 30)
    catalog = replace(catalog, aggregates=tuple(one for one in catalog.aggregates if one.name in WITHOUT_DIMENSIONS))
    values: dict[str, list[Any]] = {
        "uuid": [str(uuid.UUID(int=n)) for n in range(3)], "string": ["", "a", "é", "it's"], "enum": ["GET"],
        "int": [0, 7, -(2**62), 2**63 - 1], "float": [0.0, 0.1, -1.5, 1e22, 123456.789], "bool": [True, False],
        "datetime": ["2026-01-01T00:00:00Z", "1000-01-01T00:00:00.000001-00:30"], "date": ["2026-01-31", "0001-01-01"],
        "decimal": ["0", "-0.5", "9.50", "1234567.89"],
    }  # fmt: skip
    drawn = [
        Row(START + timedelta(hours=n), "e", json.dumps({kind: value}))
        for n, (kind, value) in enumerate((kind, value) for kind in values for value in values[kind])
    ]
    with clickhouse_databases.empty() as dsn, connect(postgres_dsn) as connection:
        here, there = Installed.create(dsn, catalog), OnPostgres.create(connection, catalog, "postgres")
        here.insert(drawn)
        there.insert(drawn)
        for kind in values:
            for view in [f"of_{kind}_sketch", *([f"of_{kind}_distribution"] if kind in NUMBERS else [])]:
                found, right = here.read(view), connection.execute(f"select * from {view}").fetchall()
                assert sorted(map(plain, found)) == sorted(map(plain, right)), view


def plain(row):
    """Return *row* with the last digits of doubles cut off."""
    values = (f"{value:.12g}" if isinstance(value, float) else value for value in row)
    values = (value.astimezone(UTC) if isinstance(value, datetime) else value for value in values)
    return tuple(str(tuple(value)) if isinstance(value, list | tuple) else str(value) for value in values)


def test_three_shards_give_the_answers_of_one_node(clickhouse_databases):
    """As on a cluster, whose servers can't run here: the id of an event says its shard, and FINAL is per shard."""
    table = SEVEN.storage.table
    with (
        clickhouse_databases.empty() as dsn,
        clickhouse_databases.empty() as one,
        clickhouse_databases.empty() as two,
        clickhouse_databases.empty() as three,
    ):
        shards = [one, two, three]
        create = statements(SEVEN)[0]
        for shard in shards:
            ask(shard, create)
        names = "|".join(urlsplit(shard).path.strip("/") for shard in shards)
        ask(
            dsn,
            f"create table {table} as {urlsplit(one).path.strip('/')}.{table}"
            f" engine = Merge(REGEXP('^({names})$'), '^{table}$')",
        )
        for statement in statements(SEVEN)[1:]:
            ask(dsn, statement)
        seven = Installed(dsn, SEVEN)
        for _ in range(2):  # each event comes twice
            for number, shard in enumerate(shards):
                Installed(shard, SEVEN).insert(row for row in ROWS if row.event_id.int % 3 == number)
        seven.check(ROWS)
        seven.refresh(START + timedelta(days=200))
        seven.check(ROWS)


def test_the_statements_for_a_cluster_are_sql(clickhouse_databases):
    made = statements(SEVEN, "clickhouse/cluster")
    assert len(made) == len(statements(SEVEN)) + 1  # the table over all shards
    for statement in made:
        query = "select formatQuery({query:String})"
        assert "CLUSTER" in ask(clickhouse_databases.dsn, query, param_query=escaped(statement)).decode()


def escaped(text):
    """Return *text* as the value of a query parameter, which is read as a field of TabSeparated."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
