"""A look into the tables, by a connection of the test's own."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
from adi_analytics.migrate.files.machinery import machinery

from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def events_ddl(backend: str) -> str:
    """Return the statements that make the events table and the part of ``analytics_meta`` that it needs."""
    meta = "".join(f"{entry.sql};\n" for entry in machinery(backend))
    text = (ROOT / "generated" / "sql" / backend / "events.sql").read_text(encoding="utf-8")
    return f"set check_function_bodies = off;\n{meta}{text}"


class Numbered:
    """A database whose `task` events have numbers."""

    def numbers(self) -> list[int]:
        """Return the numbers of the `task` events in the table, in order."""
        raise NotImplementedError

    def assert_numbers(self, count: int) -> None:
        """The events numbered from 0 to *count* - 1 are in the table, each once."""
        found = Counter(self.numbers())
        missing = [number for number in range(count) if number not in found]
        double = [number for number, times in found.items() if times > 1]
        assert not missing, f"{len(missing)} lost, for example {missing[:5]}"
        assert not double, f"{len(double)} duplicates, for example {double[:5]}"
        assert len(found) == count


class Database(Numbered):
    """A database with the events table."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    @classmethod
    @contextlib.contextmanager
    def create(cls, dsn: str, ddl: str) -> Iterator[Database]:
        """Make the tables of *ddl*."""
        made = cls(dsn)
        made.execute(ddl)
        yield made

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, committed, and return its rows."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def numbers(self) -> list[int]:
        """Return the numbers of the `task` events in the table, in order."""
        rows = self.execute(
            "select (data ->> 'duration_ms')::bigint from analytics_events"
            " where event_type = 'task_completed' order by 1"
        )
        return [row[0] for row in rows]

    def rows(self) -> list[dict[str, Any]]:
        """Return the events, in the order of their ids."""
        names = ("event_type", "service", "user_id", "data", "meta", "event_id", "timestamp")
        columns = ", ".join(f'"{name}"' for name in names)
        found = self.execute(f"select {columns} from analytics_events order by event_id")
        rows = [dict(zip(names, row, strict=True)) for row in found]
        return [row | {"user_id": None if row["user_id"] is None else str(row["user_id"])} for row in rows]

    def letters(self) -> list[tuple[Any, ...]]:
        """Return event type, reason and SQLSTATE of the dead letters, in order."""
        return self.execute("select event_type, reason, sqlstate from analytics_dead_letters order by id")

    def refuse_repeated_exit_codes(self) -> None:
        """Let a trigger refuse a row by a unique constraint that is not the one of event ids."""
        self.execute("create table other (number text primary key)")
        self.execute(
            "create function once() returns trigger language plpgsql as $$ begin"
            " insert into other values (new.data ->> 'exit_code'); return new; end $$"
        )
        self.execute("create trigger once before insert on analytics_events for each row execute function once()")
