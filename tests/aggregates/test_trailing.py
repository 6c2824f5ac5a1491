"""Kept counts and answers: right after any order of loads, refreshes, policy runs, marks, retention and rebuilds."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from adi_analytics.migrate.author.statements import settings as storage_settings
from adi_analytics_codegen.check.catalog import load_catalog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.backends import BACKENDS, empty_dsn
from support.full import examples

CATALOG = """
catalog: {format: 2, name: visits}
storage: {table: visits_events, chunk_interval: 1 day, retention: 50 days}
events:
  seen: {domain: d, description: A visit, include: [who]}
  bought: {domain: d, description: A purchase, include: [who]}
groups:
  who:
    columns: {user_id: user_id}
    fields:
      user_id: {type: uuid, optional: true, description: Who}
      plan: {type: string, optional: true, max_length: 9}
domains: {d: D}
aggregates:
  visits:
    description: Visitors by day
    from: all
    bucket: {as: day, width: 1 day}
    dimensions: {plan: plan}
    measures:
      users: {distinct: $user_id}
      weekly: {distinct: $user_id, trailing: 7 days}
      monthly: {distinct: $user_id, trailing: 30 days}
      buyers: {distinct: $user_id, trailing: 3 days, where: {event: bought}}
    refresh: {every: 1 hour, window: 4 days, lag: 1 hour}
  hours:
    description: Visitors by hour
    from: [seen]
    bucket: {as: hour, width: 1 hour}
    measures:
      total: {count: true}
      of_day: {distinct: $user_id, trailing: 1 day}
    refresh: {every: 1 hour, window: 1 day, lag: 1 hour}
entities: {$user_id: {description: Visitors}}
retention:
  back: {description: Who is back, start: any, return: bought, bucket: &day {as: day, width: 1 day}, periods: 3}
  each: {description: Who buys, start: seen, return: bought, bucket: *day, periods: 2, mode: recurring}
  later: {description: Later, start: bought, return: any, bucket: *day, periods: 4, "on": on_or_after}
funnels:
  buying:
    description: From a visit to a purchase
    within: 36 hours
    bucket: {as: day, width: 1 day}
    dimension: plan
    steps: {seen: seen, bought: bought}
"""
PIECE = """
create or replace function analytics_meta.piece_end(width interval, first_bucket timestamptz, zone text)
returns timestamptz language sql immutable as 'select first_bucket + 2 * analytics_meta.span(width)'
"""
SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SPANS = {"visits": {"weekly": 7, "monthly": 30, "buyers": 3}, "hours": {"of_day": 1}}

visit = st.tuples(
    st.one_of(st.integers(0, 40), st.integers(0, 3)),  # days ago
    st.integers(0, 23),
    st.integers(0, 5),  # user
    st.sampled_from(["seen", "seen", "bought"]),
    st.sampled_from(["{}", '{"plan": "a"}', '{"plan": "b"}']),
)
loads = st.tuples(st.just("load"), st.lists(visit, min_size=1, max_size=8))
others = st.tuples(
    st.sampled_from(["maintain", "maintain", "policy", "refresh", "rebuild", "expire", "mark", "erase", "lose"]),
    st.tuples(st.integers(0, 45), st.integers(0, 45), st.integers(0, 5)),
)
MOVES = [  # when users came first and last changes in both directions
    (
        "load",
        [(5, 3, 1, "seen", "{}"), (5, 4, 1, "bought", "{}"), (3, 1, 1, "bought", "{}"), (6, 2, 2, "bought", "{}")],
    ),
    ("maintain", (0, 0, 0)),
    ("load", [(12, 3, 1, "seen", "{}"), (11, 1, 1, "bought", "{}"), (2, 1, 2, "seen", "{}")]),
    ("maintain", (0, 0, 0)),
    ("lose", (13, 10, 1)),
    ("lose", (3, 1, 2)),
    ("maintain", (0, 0, 0)),
    ("lose", (40, 0, 1)),
    ("maintain", (0, 0, 0)),
]
histories = st.lists(st.one_of(loads, others, loads), min_size=3, max_size=8)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = tmp_path_factory.mktemp("visits") / "events.yaml"
    path.write_text(CATALOG)
    return load_catalog(path)


class Database:
    """A database that a history is run on, and what was loaded."""

    def __init__(self, installed: Installed) -> None:
        self.installed, self.rows = installed, list[Row]()
        self.run = installed.connection.execute
        self.rollups = [entry["relations"][0]["name"] for entry in installed.manifest["aggregates"]]
        made = storage_settings(installed.described.storage)
        self.run(str(made.sql).encode())
        self.run("update analytics_meta.backfills set status = 'done'")
        self.run("select analytics_meta.start_record()")
        self.run(PIECE)  # several even of what is loaded here

    def load(self, visits: list[tuple[Any, ...]]) -> None:
        rows = []
        for days, hour, user, event, data in visits:
            at = TODAY - days * DAY + hour * HOUR
            at = at if at < NOW else NOW - timedelta(minutes=1)
            rows.append(Row(at, event, data, uuid.UUID(int=user), "s", uuid.uuid4()))
            if NOW - at > HOUR:  # as the worker does with what a refresh may have passed
                self.mark_hour(at)
        self.rows += rows
        self.installed.insert(rows)

    def mark_hour(self, at: datetime) -> None:
        self.run(
            "insert into analytics_meta.late_buckets (bucket) values (date_trunc('hour', %s::timestamptz))"
            " on conflict (bucket) do update set marked_at = now()",
            [at],
        )

    def mark(self, days: int, hours: int, _: int) -> None:
        self.mark_hour(TODAY - days * DAY - hours * HOUR)

    def maintain(self, *_: int) -> None:
        self.run("call analytics_meta.maintain()")

    def expire(self, *_: int) -> None:
        self.run("update analytics_meta.storage set retention = '20 days'")
        self.run("call analytics_meta.expire_storage(null)")
        self.run("update analytics_meta.storage set retention = '50 days'")

    def refresh(self, first: int, last: int, rollup: int) -> None:
        self.compute(first, last, rollup, afresh=False)

    def rebuild(self, first: int, last: int, rollup: int) -> None:
        self.compute(first, last, rollup, afresh=True)

    def compute(self, first: int, last: int, rollup: int, *, afresh: bool) -> None:
        times = sorted([TODAY - first * DAY, TODAY - last * DAY])
        self.run("call analytics_meta.compute(%s, %s, %s, %s, null)", [self.rollups[rollup], *times, afresh])

    def policy(self, _: int, __: int, which: int) -> None:
        """What TimescaleDB's scheduler does behind our back, on one relation."""
        if self.installed.backend != "timescaledb":
            return
        entry = self.installed.manifest["aggregates"][which]
        name = entry["relations"][which % len(entry["relations"])]["name"]
        window = timedelta(seconds=entry["refresh"]["window"])
        self.run("call refresh_continuous_aggregate(%s::regclass, %s, %s)", [name, NOW - window, NOW - HOUR])

    def erase(self, _: int, __: int, user: int) -> None:
        """Take the counts away, as what changes members behind their back does."""
        self.run("select analytics_meta.forget_counts(%s)", [self.rollups[user]])

    def lose(self, first: int, last: int, user: int) -> None:
        """Delete rows of a user, as an erasure does."""
        since, until = sorted([TODAY - first * DAY, TODAY - last * DAY])
        lost = [row for row in self.rows if row.user_id == uuid.UUID(int=user) and since <= row.timestamp < until]
        self.rows = [row for row in self.rows if row not in lost]
        self.run("delete from visits_events where event_id = any(%s)", [[row.event_id for row in lost]])
        for row in lost:
            self.mark_hour(row.timestamp)

    def check_kept(self) -> None:
        """Compare the public views with a count over the members that are stored or in raw rows."""
        for entry in self.installed.manifest["aggregates"]:
            self.run("select analytics_meta.recount(%s)", [entry["relations"][0]["name"]])
            if "answers" in entry:
                self.check_answers(entry)
            for counts in entry["counts"]:
                members = entry["relations"][counts["members"]]["live"]
                for column, span in counts["columns"].items():
                    self.check_column(entry, members, column, span)

    def check_answers(self, entry: dict[str, Any]) -> None:
        """Compare the public views with what they compute without anything kept."""
        queries = [
            sql.SQL("select v::text from {} v order by 1").format(sql.Identifier(v["name"])) for v in entry["views"]
        ]
        connection = self.installed.connection
        with connection.transaction(force_rollback=True):
            kept = [self.run(query).fetchall() for query in queries]
            self.run("select analytics_meta.forget_counts(%s)", [entry["relations"][0]["name"]])
            for query, found in zip(queries, kept, strict=True):
                assert found == self.run(query).fetchall(), query.as_string(connection)

    def check_column(self, entry: dict[str, Any], members: str, column: str, span: int) -> None:
        same = sql.SQL("".join(f" and m.{d} is not distinct from v.{d}" for d in entry["dimensions"]))
        query = sql.SQL(
            "select v.{bucket}, v.{column}, (select count(distinct m.member) from {members} m where"
            " m.{bucket} > v.{bucket} - make_interval(secs => {span}) and m.{bucket} <= v.{bucket} {same})"
            " from {view} v"
        ).format(
            bucket=sql.Identifier(entry["bucket"]["column"]), column=sql.Identifier(column), same=same,
            members=sql.Identifier(members), view=sql.Identifier(entry["name"]), span=sql.Literal(span),
        )  # fmt: skip
        wrong = [row for row in self.run(query).fetchall() if row[1] != row[2]]
        assert not wrong, (entry["name"], column, wrong)


def check(connection: Any, catalog: Any, backend: str, history: list[tuple[str, Any]]) -> None:
    connection.execute("drop schema if exists analytics_meta, its_own cascade")
    connection.execute("create schema its_own")
    connection.execute("set search_path = its_own, public")
    database = Database(Installed.create(connection, catalog, backend))
    expired = False
    for step, arguments in history:
        if step == "load":
            database.load(arguments)
        else:
            getattr(database, step)(*arguments)
        expired = expired or step in {"expire", "lose"}  # the oldest rows may be gone, and what is stored of them stays
        database.check_kept()
    database.maintain()
    database.check_kept()
    if not expired:
        database.installed.check(database.rows)


def test_on_postgres(postgres_dsn, catalog):
    with connect(postgres_dsn) as connection:

        @settings(SETTINGS, max_examples=examples(8))
        @example(history=MOVES)
        @given(history=histories)
        def run(history):
            check(connection, catalog, "postgres", history)

        run()


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_on_timescaledb(request, catalog, backend):
    with connect(empty_dsn(backend, request)) as connection:

        @settings(SETTINGS, max_examples=1)
        @example(history=MOVES)
        @given(history=histories)
        def run(history):
            check(connection, catalog, backend, history)

        run()
