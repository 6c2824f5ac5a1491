"""PostgreSQL, TimescaleDB and ClickHouse: what a query, a load or a refresh costs of a processor."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import httpx
import psutil
import psycopg
from adi_analytics import embedded, migrate
from databases import empty_database, version
from events import COLUMNS, EACH_DAY, ON_CLICKHOUSE, ON_POSTGRES, TABLE, of_day

SETTINGS: Final = {"max_wal_size": "8GB", "shared_buffers": "1GB", "synchronous_commit": "off", "autovacuum": "off"}
"""What the server of PostgreSQL gets, and that of TimescaleDB must have."""
_FRONT: Final = Path(__file__).parents[2] / "tests" / "support" / "clickhouse" / "front.py"
_MEMORY: Final = 12_000_000_000
_NOTICED: Final = 0.5
"""Seconds until a server has noticed that a connection ended."""


class Engine(Protocol):
    """A database with the catalog's tables and views.

    Attributes:
        version: What it is.
        compresses: Whether old events are compressed after they were stored.
    """

    version: str
    compresses: bool

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        ...

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        ...

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        ...

    def refresh(self, aggregates: list[str]) -> float:
        """Store all buckets of *aggregates* that are over, and return the processor time."""
        ...

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        ...

    def compress(self) -> float:
        """Compress all events, and return the processor time."""
        ...


class Postgres:
    """PostgreSQL, with one process for a query."""

    compresses = False
    _size = "select sum(pg_total_relation_size(relid)) from pg_partition_tree('analytics_events')"

    def __init__(self, dsn: str) -> None:
        """Set the schema up."""
        self.version = version(dsn)
        self.options = migrate.Options(database_url=dsn)
        migrate.apply(options=self.options)
        self.connection = psycopg.connect(dsn, autocommit=True)
        for name, value in SETTINGS.items():
            (row,) = self.connection.execute(f"show {name}".encode()).fetchall()
            if row[0] != value:
                raise SystemExit(f"{self.version}: {name} is {row[0]}; set it to {value}, as the others have it")
        for setting in ("timezone = 'UTC'", "max_parallel_workers_per_gather = 0", "work_mem = '256MB'"):
            self.connection.execute(f"set {setting}".encode())
        for statement in (EACH_DAY, "call analytics_meta.prepare_storage(null)", "truncate analytics_events"):
            self.connection.execute(statement.encode())
        self.own = psutil.Process(self.connection.info.backend_pid)
        self.server = self.own.parent()

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        self.connection.execute(ON_POSTGRES, {"day": day, **of_day(day, count, people)})

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        before = self._spent()
        with self.connection.cursor().copy(f"copy {TABLE} ({COLUMNS}) from stdin".encode()) as copy:
            copy.write(block)
        return self._spent() - before

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        before = self._spent()
        rows = self.connection.execute(query.encode()).fetchall()
        return self._spent() - before, rows

    def refresh(self, aggregates: list[str]) -> float:
        """Store all buckets of *aggregates* that are over, and return the processor time."""
        self.connection.execute("vacuum analyze analytics_events")
        before = self.server.cpu_times()
        migrate.refresh(aggregates, options=self.options)
        time.sleep(_NOTICED)
        after = self.server.cpu_times()
        return float(after.children_user + after.children_system - before.children_user - before.children_system)

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        return int(self.connection.execute(self._size.encode()).fetchall()[0][0])

    def compress(self) -> float:
        """Do nothing: PostgreSQL compresses long values only, when they are stored."""
        return 0.0

    def _spent(self) -> float:
        times = self.own.cpu_times()
        return float(times.user + times.system)


class Timescale(Postgres):
    """TimescaleDB, with one process for a query; it compresses events as the catalog says, but at once."""

    compresses = True
    _size = "select total_bytes from hypertable_detailed_size('analytics_events')"

    def compress(self) -> float:
        """Compress the events of all days that are over, and return the processor time."""
        before = self._spent()
        over = "show_chunks('analytics_events', now() - interval '1 day')"
        self.connection.execute(f"select compress_chunk(one) from {over} one".encode())
        return self._spent() - before


class Clickhouse:
    """The engine of ClickHouse (chdb), in a process of its own behind its HTTP interface."""

    compresses = False

    def __init__(self, process: psutil.Process, port: int) -> None:
        """Set the schema up."""
        self.process = process
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=3600, trust_env=False)
        self._run("create database bench", database="default")
        self.options = migrate.Options(database_url=f"clickhouse://127.0.0.1:{port}/bench")
        migrate.apply(options=self.options)
        self.version = f"ClickHouse {self._run('select version()').strip()} as a library"

    def fill(self, day: dt.datetime, count: int, people: int) -> None:
        """Make *count* events of a day."""
        self._run(ON_CLICKHOUSE.format(day=int(day.timestamp()) * 1_000_000, **of_day(day, count, people)))

    def insert(self, block: bytes) -> float:
        """Insert rows as tab-separated text, and return the processor time."""
        before = self._spent()
        self._run(f"insert into {TABLE} format TabSeparated", block)
        return self._spent() - before

    def ask(self, query: str) -> tuple[float, list[tuple[Any, ...]]]:
        """Return the processor time of a query, and its rows."""
        before = self._spent()
        text = self._run(query)
        return self._spent() - before, [tuple(line.split("\t")) for line in text.splitlines()]

    def refresh(self, aggregates: list[str]) -> float:
        """Store all buckets of *aggregates* that are over, and return the processor time."""
        before = self._spent()
        migrate.refresh(aggregates, options=self.options)
        return self._spent() - before

    def size(self) -> int:
        """Return the bytes of the events on disk, with indexes."""
        query = f"select sum(bytes_on_disk) from system.parts where active and database = 'bench' and table = '{TABLE}'"
        return int(self._run(query))

    def compress(self) -> float:
        """Do nothing: ClickHouse compresses when it stores."""
        return 0.0

    def _run(self, query: str, rows: bytes | None = None, *, database: str = "bench") -> str:
        given = {"database": database} | ({} if rows is None else {"query": query})
        answer = self.http.post(f"/?{urlencode(given)}", content=query.encode() if rows is None else rows)
        if answer.is_error:
            raise SystemExit(f"ClickHouse: {answer.text}")
        return answer.text

    def _spent(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def postgres(stack: ExitStack) -> Engine:
    """Start an embedded PostgreSQL, which goes with *stack*."""
    return Postgres(stack.enter_context(embedded.start_server(settings=SETTINGS)).dsn)


def timescale(server: str, stack: ExitStack) -> Engine:
    """Make a database on *server*, which goes with *stack*."""
    return Timescale(empty_database(server, stack, extension=True))


def clickhouse(stack: ExitStack) -> Engine:
    """Start the engine of ClickHouse, which goes with *stack*."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    command = [sys.executable, str(_FRONT), folder, str(_MEMORY)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.communicate)
    stack.callback(process.kill)
    assert process.stdout is not None
    return Clickhouse(psutil.Process(process.pid), int(process.stdout.readline()))
