"""A PostgreSQL and a ClickHouse with the tables of one catalog, rows for them, and copies between them."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adi_analytics import migrate

from support import text_ids
from support.clickhouse.tables import ClickhouseTables
from support.migrating import Ran, connect, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases

_COLUMNS: Final = '"timestamp", event_type, service, user_id, data, event_id, meta'
_ORDER: Final = 'order by "timestamp", event_id'


@dataclass
class Pair:
    """The two databases; *arguments* say the catalog to the command."""

    postgres: str
    clickhouse: ClickhouseTables
    text_ids: bool
    arguments: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return self.postgres if name == "postgres" else self.clickhouse.dsn

    def command(self, source: str, *more: str, **urls: str) -> list[str]:
        """Return the arguments of a copy from *source* to the other one."""
        target = other(source)
        given = ["--from", urls.get(source, self.url(source)), "--to", urls.get(target, self.url(target))]
        return ["copy", *given, *self.arguments, *more]

    def copy(self, source: str, *more: str, **urls: str) -> Ran:
        return run(*self.command(source, *more, "--format", "json", **urls))

    def insert(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Store rows of timestamp, event type, service, user, data, event id and meta, all as texts."""
        if name == "postgres":
            user = "text" if self.text_ids else "uuid"
            kinds = ("timestamptz", "text", "text", user, "jsonb", "uuid", "jsonb")
            columns = ", ".join(f"%s::text[]::{kind}[]" for kind in kinds)
            query = f"insert into analytics_events ({_COLUMNS}) select * from unnest({columns})"
            with connect(self.postgres) as connection:
                connection.execute(query.encode(), [list(column) for column in zip(*rows, strict=True)])
            return
        names = [part.strip('" ') for part in _COLUMNS.split(",")]
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        if lines:
            self.clickhouse.execute_rows("insert into analytics_events format JSONEachRow", lines)

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        """Return the rows of a database, documents as values."""
        if name == "postgres":
            with connect(self.postgres) as connection:
                query = (
                    'select (extract(epoch from "timestamp") * 1000000)::bigint::text, event_type, service,'
                    f" user_id::text, data::text, event_id::text, meta::text from analytics_events {_ORDER}"
                )
                found: list[Any] = connection.execute(query.encode()).fetchall()
        else:
            found = self.clickhouse.execute(
                "select toString(toUnixTimestamp64Micro(timestamp)), event_type, service, user_id, data, event_id, meta"
                " from analytics_events final order by timestamp, toString(event_id)"
            )
        return [(*row[:4], json.loads(row[4]), row[5], json.loads(row[6])) for row in found]


def other(name: str) -> str:
    return "clickhouse" if name == "postgres" else "postgres"


@contextlib.contextmanager
def pair(databases: ClickhouseDatabases, migrated_dsn: str) -> Iterator[Pair]:
    """Yield databases of this repository's catalog."""
    with ClickhouseTables.create(databases, window=1000) as tables:
        yield Pair(migrated_dsn, tables, text_ids=False)


@contextlib.contextmanager
def pair_of_texts(databases: ClickhouseDatabases, dsn: str, folder: Path) -> Iterator[Pair]:
    """Yield databases of a catalog whose users are texts."""
    with (
        text_ids.project(folder) as project,
        ClickhouseTables.create(databases, text_ids=True, window=1000) as tables,
    ):
        migrate.apply("all", migrate.Options(database_url=dsn, migrations=project / "migrations"))
        yield Pair(dsn, tables, text_ids=True, arguments=["--project", str(project)])


def plain(number: int, moment: str, **more: Any) -> tuple[Any, ...]:
    """Return a row like others."""
    data = {"type": "task_completed", "duration_ms": number, "success": True}
    event_id = str(uuid.UUID(int=number + 1))
    return (moment, "task_completed", "s", None, more.get("data", json.dumps(data)), event_id, "{}")


def odd(*, users: list[str | None]) -> list[tuple[Any, ...]]:
    """Return rows that are hard to write alike: names, moments, users and documents."""
    names = ["plain", "tab\tquote'\"\\\nline", "Ünï\u2013😀/日本", "", " spaces ", "a 1 b", "%s {x} $$"]
    moments = [
        "0001-01-01 00:00:00.000001+00", "1899-12-31 23:59:59.999999+00", "1969-12-31 23:59:59.999999+00",
        "1970-01-01 00:00:00+00", "2024-02-29 12:00:00.000001+00", "2024-02-29 12:00:00.000002+00",
        "2299-12-31 23:59:59.999999+00", "9999-12-31 23:59:59.999999+00",
    ]  # fmt: skip
    documents = [
        {}, {"a": None, "b": [1, -1.5, "1e400", True]}, {'ключ "q" \\': '😀\t"', "n": 2**63, "m": -(2**63)},
        {"long": "1234567890123456789012", "nested": {"x": [{"y": '\\"99999999999999999999'}]}},
    ]  # fmt: skip
    rows = []
    for number, moment in enumerate(moments):
        for at, name in enumerate(names):
            one = number * len(names) + at
            rows.append((
                moment, name, names[-1 - at], users[one % len(users)], json.dumps(documents[one % len(documents)]),
                str(uuid.uuid5(uuid.NAMESPACE_DNS, str(one))), json.dumps({"v": one}),
            ))  # fmt: skip
    return rows
