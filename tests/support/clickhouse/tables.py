"""The tables of events and dead letters on ClickHouse, and a look into them."""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.clickhouse.databases import ask
from support.paths import ROOT
from support.runtime.database import Numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases

FOLDER = ROOT / "generated" / "clickhouse" / "one"


def statements(path: Path) -> list[str]:
    """Return the statements of a generated file."""
    return [one for one in path.read_text(encoding="utf-8").split(";\n") if one.strip()]


class ClickhouseTables(Numbered):
    """A database with both tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dsn = url.replace("http", "clickhouse", 1)

    @classmethod
    @contextlib.contextmanager
    def create(
        cls, databases: ClickhouseDatabases, *, text_ids: bool = False, window: int = 0
    ) -> Iterator[ClickhouseTables]:
        """Make a database with the tables; *window* is how many inserts the events table remembers."""
        with databases.empty() as url:
            made = cls(url)
            made.make(text_ids=text_ids, window=window)
            yield made

    def make(self, *, text_ids: bool = False, window: int = 0) -> None:
        """Make the tables."""
        events, *others = statements(FOLDER / "events.sql")
        assert "`user_id` Nullable(UUID)" in events
        if text_ids:
            events = events.replace("`user_id` Nullable(UUID)", "`user_id` Nullable(String)")
        for statement in (events, *others):
            ask(self.url, statement)
        ask(self.url, f"alter table analytics_events modify setting non_replicated_deduplication_window = {window}")

    def make_aggregates(self) -> None:
        """Make the views and tables of the aggregates and of the questions about people."""
        for path in sorted({*FOLDER.glob("*.sql")} - {FOLDER / "events.sql"}):
            for statement in statements(path):
                ask(self.url, statement)

    def execute(self, query: str) -> list[list[Any]]:
        """Run a statement and return its rows, as JSON has their values."""
        answer = ask(self.url, query, default_format="JSONCompactEachRow")
        return [json.loads(line) for line in answer.splitlines()]

    def execute_rows(self, statement: str, lines: list[str]) -> None:
        """Run an insert of *lines*, one for each row."""
        ask(self.url, statement, "\n".join(lines).encode(), date_time_input_format="best_effort")

    def rows(self) -> list[dict[str, Any]]:
        """Return the events, in the order of their ids, with the values that PostgreSQL's driver has for them."""
        found = self.execute(
            "select event_type, service, user_id, data, meta, event_id, toString(toUnixTimestamp64Micro(timestamp))"
            " from analytics_events final order by toString(event_id)"
        )
        return [
            {
                "event_type": kind,
                "service": service,
                "user_id": user,
                "data": json.loads(data),
                "meta": json.loads(meta),
                "event_id": uuid.UUID(event_id),
                "timestamp": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros)),
            }
            for kind, service, user, data, meta, event_id, micros in found
        ]

    def numbers(self) -> list[int]:
        """Return the numbers of the `task` events in the table, in order, as a reader has them."""
        found = self.execute(
            "select JSONExtractInt(data, 'duration_ms') as n from analytics_events final"
            " where event_type = 'task_completed' order by n"
        )
        return [int(row[0]) for row in found]

    def letters(self) -> list[tuple[Any, ...]]:
        """Return event type, reason and code of the dead letters, in order."""
        query = "select event_type, reason, sqlstate from analytics_dead_letters order by created_at, event_id"
        return [tuple(row) for row in self.execute(query)]
