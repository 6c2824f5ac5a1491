"""Days, weeks and months of time zones: right after any order of loads, refreshes, marks, upkeep and retention."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from adi_analytics.migrate.author.statements import settings as storage_settings
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.backends import BACKENDS, empty_dsn
from support.full import examples

CATALOG = """
catalog: {format: 2, name: travels}
storage: {table: travels_events, chunk_interval: 5 days, retention: never, compress_after: never}
events: {seen: {domain: d, description: A visit, fields: {size: {type: int}}}}
domains: {d: D}
aggregates:
  berlin_days:
    description: By day of Berlin, which is 23 or 25 hours long when clocks change
    from: all
    bucket: {as: day, width: 1 day, time_zone: Europe/Berlin}
    measures:
      rows: {count: true}
      users: {distinct: $user_id}
      weekly: {distinct: $user_id, trailing: 7 days}
    derived: {each: {ratio: [rows, users]}}
    refresh: {every: 1 hour, window: 3 days, lag: 1 hour}
  months:
    description: By month
    from: all
    bucket: {as: month, width: 1 month}
    measures:
      rows: {count: true}
      quarterly: {distinct: $user_id, trailing: 3 months}
    refresh: {every: 1 day, window: 65 days, lag: 1 hour}
  island_weeks:
    description: By week of an island that puts its clocks forward by half an hour
    from: all
    bucket: {as: week, width: 1 week, time_zone: Australia/Lord_Howe}
    measures: {rows: {count: true}, longest: {max: size}, monthly: {distinct: $user_id, trailing: 4 weeks}}
    refresh: {every: 1 hour, window: 16 days, lag: 1 hour}
  samoan_days:
    description: By day of Samoa, which had no 30th of December in 2011
    from: all
    bucket: {as: day, width: 1 day, time_zone: Pacific/Apia}
    dimensions: {service: $service}
    measures: {rows: {count: true}, three: {distinct: $user_id, trailing: 3 days}}
    refresh: {every: 1 hour, window: 4 days, lag: 1 hour}
"""
SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
HOUR = timedelta(hours=1)
CHANGES = (
    datetime(2011, 12, 30, 10, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2025, 10, 26, 1, tzinfo=UTC),
)
"""When Samoa skipped a day, and Berlin put its clocks forward and back."""

moments = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.one_of(st.integers(-3, 3).map(lambda hours: 60 * hours), st.integers(-96, 96).map(lambda n: 30 * n),
              st.integers(-35, 35).map(lambda days: 1440 * days + 23 * 60)),
)  # fmt: skip
visits = st.lists(st.tuples(moments, st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=12)
steps = st.one_of(
    st.tuples(st.just("load"), visits),
    st.tuples(st.sampled_from(["refresh", "rebuild", "policy"]), st.tuples(moments, moments, st.integers(0, 3))),
    st.tuples(st.just("maintain"), st.just(())),
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = tmp_path_factory.mktemp("travels") / "events.yaml"
    path.write_text(CATALOG)
    return load_catalog(path)


class Database:
    """A database that a history is run on, and what was loaded."""

    def __init__(self, installed: Installed) -> None:
        self.installed, self.rows = installed, list[Row]()
        self.run = installed.connection.execute
        self.run(str(storage_settings(installed.described.storage).sql).encode())
        self.run("update analytics_meta.backfills set status = 'done'")
        self.run("select analytics_meta.start_record()")

    def load(self, *found: tuple[datetime, int, int]) -> None:
        rows = [
            Row(at, "seen", f'{{"size": {size}}}', uuid.UUID(int=user), "ab"[user % 2], uuid.uuid4())
            for at, user, size in found
        ]
        self.rows += rows
        self.installed.insert(rows)
        for row in rows:  # as the worker does with what a refresh may have passed
            self.run(
                "insert into analytics_meta.late_buckets (bucket) values (date_trunc('hour', %s, 'UTC'))"
                " on conflict (bucket) do update set marked_at = now()",
                [row.timestamp],
            )

    def refresh(self, first: datetime, last: datetime, which: int, *, afresh: bool = False) -> None:
        entry = self.installed.manifest["aggregates"][which]
        times = sorted([first, last])
        self.run("call analytics_meta.compute(%s, %s, %s, %s, null)", [entry["relations"][0]["name"], *times, afresh])

    def rebuild(self, first: datetime, last: datetime, which: int) -> None:
        self.refresh(first, last, which, afresh=True)

    def policy(self, first: datetime, last: datetime, which: int) -> None:
        """What TimescaleDB's scheduler does behind our back: it takes the whole buckets of any range."""
        if self.installed.backend == "timescaledb" and abs(first - last) > timedelta(days=65):
            for relation in self.installed.manifest["aggregates"][which]["relations"]:
                times = sorted([first, last])
                self.run("call refresh_continuous_aggregate(%s::regclass, %s, %s)", [relation["name"], *times])

    def maintain(self) -> None:
        self.run("call analytics_meta.maintain()")

    def expire(self, before: datetime) -> None:
        self.run("update analytics_meta.storage set retention = now() - %s", [before])
        self.run("call analytics_meta.expire_storage(null)")
        self.run("update analytics_meta.storage set retention = null")

    def check(self) -> None:
        for entry in self.installed.manifest["aggregates"]:
            self.run("select analytics_meta.recount(%s)", [entry["relations"][0]["name"]])
        self.installed.check(self.rows)


def check(connection: Any, catalog: Any, backend: str, history: list[tuple[str, Any]], cut: datetime) -> None:
    connection.execute("set timezone = 'UTC'")
    connection.execute("drop schema if exists analytics_meta, its_own cascade")
    connection.execute("create schema its_own")
    connection.execute("set search_path = its_own, public")
    database = Database(Installed.create(connection, catalog, backend))
    connection.execute("set timezone = 'Australia/Lord_Howe'")
    for step, arguments in history:
        getattr(database, step)(*arguments)
        if step == "maintain":  # before it, late rows only have a mark
            database.check()
    database.maintain()
    database.check()
    database.expire(cut)
    database.check()  # what was dropped had been stored: whole months of it


histories = st.lists(steps, min_size=2, max_size=7)


def test_on_postgres(postgres_dsn, catalog):
    with connect(postgres_dsn) as connection:

        @settings(SETTINGS, max_examples=examples(5))
        @given(history=histories, cut=moments)
        def run(history, cut):
            check(connection, catalog, "postgres", history, cut)

        run()


BACK = CHANGES[2]
AROUND = [(at + n * HOUR, n % 4, n % 10) for at in CHANGES for n in (-49, -25, -24, -2, -1, 0, 1, 22, 23, 70)]


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_on_timescaledb(request, catalog, backend):
    history = [
        ("load", AROUND[::2]),
        ("refresh", (BACK - 40 * HOUR, BACK + 9000 * HOUR, 0)),
        ("policy", (BACK - 1500 * HOUR, BACK + 1500 * HOUR, 1)),
        ("load", AROUND[1::2]),
    ]
    with connect(empty_dsn(backend, request)) as connection:
        check(connection, catalog, backend, history, cut=BACK + 240 * HOUR)
