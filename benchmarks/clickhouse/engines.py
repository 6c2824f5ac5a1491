"""PostgreSQL and ClickHouse, each with the same events: what a query, a load or a refresh costs of a processor."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Protocol

import psutil
import psycopg
from adi_analytics import migrate
from chdb.session import Session

SQL: Final = Path(__file__).parents[2] / "generated" / "clickhouse" / "one"
TABLE: Final = "analytics_events"
_DAY: Final = 86_400_000_000

KINDS: Final = (
    *["api_request"] * 6, "task_created", "task_started", "task_completed", "task_failed", "auth_login_attempt",
    "cocoon_registered", "cocoon_connected", "integration_connected", "integration_used", "project_created",
)  # fmt: skip

_EACH_DAY: Final = """
insert into analytics_events ("timestamp", event_type, service, data, event_id)
select now() - g * interval '24 hours', 'project_created', 's', '{}', gen_random_uuid()
from generate_series(0, 60) g
"""
"""A row a day makes the partitions of these days; they stay when the rows go."""

_ON_POSTGRES: Final = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select %(day)s + g * %(length)s / %(count)s * interval '1 microsecond',
       (%(kinds)s::text[])[1 + g %% 16], 's' || g %% 4,
       md5(((g * 7919 %% 1000003)::bigint * (g * 104729 %% 1000003) / 1000003 * %(people)s / 1000003)::text)::uuid,
       case when g %% 16 < 6
            then jsonb_build_object('endpoint', '/x' || g %% 20, 'method', 'GET', 'status_code', 200,
                                    'duration_ms', g * 7919 %% 997)
            else jsonb_build_object('duration_ms', 40, 'exit_code', 0, 'success', true, 'provider', 'p',
                                    'cocoon_id', 'c' || g %% 997) end,
       md5('event ' || %(name)s || g)::uuid
from generate_series(1, %(count)s::bigint) g
"""

_ON_CLICKHOUSE: Final = """
insert into analytics_events
with lower(hex(MD5(toString(intDiv(intDiv(g * 7919 % 1000003 * (g * 104729 % 1000003), 1000003) * {people}, 1000003)))))
        as person,
    lower(hex(MD5(concat('event {name}', toString(g))))) as event
select
    fromUnixTimestamp64Micro({day} + intDiv(g * {length}, {count}), 'UTC'),
    {kinds}[1 + g % 16], concat('s', toString(g % 4)),
    toUUID(concat(substring(person, 1, 8), '-', substring(person, 9, 4), '-', substring(person, 13, 4), '-',
                  substring(person, 17, 4), '-', substring(person, 21))),
    if(g % 16 < 6,
       concat('{{"endpoint": "/x', toString(g % 20), '", "method": "GET", "status_code": 200, "duration_ms": ',
              toString(g * 7919 % 997), '}}'),
       concat('{{"duration_ms": 40, "exit_code": 0, "success": true, "provider": "p", "cocoon_id": "c',
              toString(g % 997), '"}}')),
    toUUID(concat(substring(event, 1, 8), '-', substring(event, 9, 4), '-', substring(event, 13, 4), '-',
                  substring(event, 17, 4), '-', substring(event, 21))),
    '{{}}'
from (select toInt64(number + 1) as g from numbers({count}))
"""


class Engine(Protocol):
    """A database with the catalog's tables and views."""

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        ...

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        ...

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        ...

    def refresh(self, aggregates: list[str], end: dt.datetime) -> float:
        """Store all buckets of *aggregates* that end by *end*, and return the processor time."""
        ...

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        ...


class OnPostgres:
    """An embedded PostgreSQL, with one process for a query."""

    def __init__(self, dsn: str) -> None:
        """Set the schema up."""
        self.options = migrate.Options(database_url=dsn)
        migrate.apply(options=self.options)
        self.connection = psycopg.connect(dsn, autocommit=True)
        for setting in ("timezone = 'UTC'", "max_parallel_workers_per_gather = 0", "work_mem = '256MB'"):
            self.connection.execute(f"set {setting}".encode())
        for statement in (_EACH_DAY, "call analytics_meta.prepare_storage(null)", "truncate analytics_events"):
            self.connection.execute(statement.encode())
        self.own = psutil.Process(self.connection.info.backend_pid)
        self.server = self.own.parent()

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        given = {
            "day": day,
            "count": count,
            "people": people,
            "kinds": list(KINDS),
            "length": _DAY,
            "name": f"{day:%j}",
        }
        self.connection.execute(_ON_POSTGRES, given)

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        before = self._spent()
        columns = '"timestamp", event_type, service, user_id, data, event_id, meta'
        with self.connection.cursor().copy(f"copy {TABLE} ({columns}) from stdin".encode()) as copy:
            copy.write(block)
        return self._spent() - before

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        before = self._spent()
        rows = self.connection.execute(query.encode()).fetchall()
        return self._spent() - before, rows

    def refresh(self, aggregates: list[str], end: dt.datetime) -> float:  # noqa: ARG002 - maintain knows the time
        """Store all buckets of *aggregates* that are over, and return the processor time."""
        self.connection.execute("vacuum analyze analytics_events")
        before = self.server.cpu_times()
        migrate.refresh(aggregates, options=self.options)
        time.sleep(0.5)  # until the server has noticed that the connections ended
        after = self.server.cpu_times()
        return float(after.children_user + after.children_system - before.children_user - before.children_system)

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        query = "select sum(pg_total_relation_size(relid)) from pg_partition_tree('analytics_events')"
        return int(self.connection.execute(query).fetchall()[0][0])

    def _spent(self) -> float:
        times = self.own.cpu_times()
        return float(times.user + times.system)


class OnClickhouse:
    """The engine of ClickHouse in this process."""

    def __init__(self, folder: str) -> None:
        """Set the schema up."""
        self.session = Session(folder)
        self.version = 0
        self._run("create database analytics")
        self._run("use analytics")
        self._run("set max_threads = 2")
        for file in [SQL / "events.sql", *sorted(set(SQL.glob("*.sql")) - {SQL / "events.sql"})]:
            for statement in file.read_text(encoding="utf-8").split(";\n"):
                if statement.strip():
                    self._run(statement)

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        micros = int(day.timestamp()) * 1_000_000
        given = {
            "day": micros,
            "count": count,
            "people": people,
            "kinds": list(KINDS),
            "length": _DAY,
            "name": f"{day:%j}",
        }
        self._run(_ON_CLICKHOUSE.format(**given))

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        with tempfile.NamedTemporaryFile() as rows:
            rows.write(block)
            rows.flush()
            before = time.process_time()
            self._run(f"insert into {TABLE} from infile '{rows.name}' format TabSeparated")
            return time.process_time() - before

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        before = time.process_time()
        text = self._run(query, "TabSeparated")
        spent = time.process_time() - before
        return spent, [tuple(line.split("\t")) for line in text.splitlines()]

    def refresh(self, aggregates: list[str], end: dt.datetime) -> float:
        """Store all buckets of *aggregates* that end by *end*, and return the processor time."""
        before = time.process_time()
        to = f"{end:%Y-%m-%d %H:%M:%S}"
        for aggregate in aggregates:
            self.version += 1
            main, bucket = f"{aggregate}_v1", self._run(f"describe {aggregate}").split("\t")[0]
            for table in self._run(f"show tables like '{main}%'").split():
                if table.endswith("_rows"):
                    rows = f"{table}(from_time = '1970-01-01 00:00:00', to_time = '{to}')"
                    self._run(f"insert into {table.removesuffix('_rows')} select *, {self.version} from {rows}")
            counted = f"select {bucket} as bucket from {main} where _version = {self.version}"
            start = "select toDateTime64('1900-01-01 00:00:00', 6, 'UTC')"
            self._run(
                f"insert into analytics_meta_buckets select '{main}', bucket, toDateTime64('{to}', 6, 'UTC'),"
                f" {self.version} from ({counted} union distinct {start})"
            )
        return time.process_time() - before

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        query = f"select sum(bytes_on_disk) from system.parts where active and table = '{TABLE}'"
        return int(self._run(query))

    def _run(self, query: str, form: str = "TabSeparated") -> str:
        return bytes(self.session.query(query, form).bytes()).decode()


def block(number: int, size: int) -> bytes:
    """Return *size* rows of now as tab-separated text."""
    at = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=1)
    lines = []
    for n in range(size):
        person, event = os.urandom(16).hex(), os.urandom(16).hex()
        ids = [f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}" for x in (person, event)]
        time_of = f"{at + dt.timedelta(microseconds=number * size + n):%Y-%m-%d %H:%M:%S.%f}"
        data = '{"endpoint": "/x", "method": "GET", "status_code": 200, "duration_ms": 40}'
        lines.append("\t".join((time_of, "api_request", "s", ids[0], data, ids[1], "{}")))
    return ("\n".join(lines) + "\n").encode()
