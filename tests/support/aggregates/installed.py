"""Putting a catalog's SQL on a server, and bringing its rollups up to date as docs/reference/manifest.md says."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from adi_analytics.migrate.author import versions
from adi_analytics.migrate.files.machinery import machinery, own_record
from adi_analytics.migrate.files.manifest import Manifest, decode
from adi_analytics.migrate.files.statements import ContinuousAggregate, Runnable, View, statement
from adi_analytics_codegen.backends.sql.manifest.document import manifest, to_json
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.readers import questions
from psycopg import sql
from support.aggregates.oracle import Row, expected, start_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate


@contextmanager
def connect(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect; statements are never prepared, because clients of the WASM server share their names."""
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        yield connection


@dataclass
class Installed:
    """A catalog on a server."""

    connection: psycopg.Connection[Any]
    catalog: Catalog
    backend: str
    manifest: dict[str, Any]

    @classmethod
    def create(cls, connection: psycopg.Connection[Any], catalog: Catalog, backend: str) -> Installed:
        made = cls(connection, catalog, backend, manifest(catalog))
        described = made.described
        storage = described.storage_ddl[backend]
        made.run([statement("bodies", "set check_function_bodies = off")], own_record(), machinery(backend))
        made.run(storage.create, storage.policies)
        connection.execute(
            "insert into analytics_meta.installation (format, backend, events_schema) values (1, %s, current_schema())",
            [backend],
        )
        for entry in described.aggregates:
            made.run(versions.create(entry, backend), versions.publish(entry, None))
        return made

    @property
    def database(self) -> psycopg.Connection[Any]:
        """What questions are asked with."""
        return self.connection

    @property
    def described(self) -> Manifest:
        """The manifest as the migrator reads it."""
        return decode(to_json(self.manifest).encode())

    def views(self) -> Iterator[View | ContinuousAggregate]:
        """Yield every view and continuous aggregate."""
        for entry in self.described.aggregates:
            yield from (made for made in entry.stored(self.backend) if isinstance(made, View | ContinuousAggregate))
            yield from versions.public_views(entry)

    def drop_aggregates(self) -> None:
        for entry in self.described.aggregates:
            self.run(versions.drop(entry, self.backend))

    def run(self, *parts: Iterable[Runnable]) -> None:
        for part in parts:
            for made in part:
                self.connection.execute(str(made.sql).encode())

    def insert(self, rows: Iterable[Row]) -> None:
        query = sql.SQL(
            'insert into {} ("timestamp", event_type, service, user_id, data, event_id, meta)'
            " select * from unnest(%s::timestamptz[], %s::text[], %s::text[], %s::{}[], %s::jsonb[],"
            " %s::uuid[], %s::jsonb[])"
        ).format(
            sql.Identifier(self.manifest["storage"]["table"]),
            sql.SQL("text" if self.catalog.user_id is FieldType.STRING else "uuid"),
        )
        listed = list(rows)
        columns = ("timestamp", "event_type", "service", "user_id", "data", "event_id", "meta")
        self.connection.execute(query, [[getattr(row, column) for row in listed] for column in columns])

    def refresh(self, before: datetime) -> None:
        """Store every bucket that ends by *before*, and keep its trailing counts."""
        stored = (*self.catalog.aggregates, *questions(self.catalog))
        ends = {thing.name: start_of(thing, before) for thing in stored}
        for aggregate in self.manifest["aggregates"]:
            end = ends[aggregate["name"]]
            if self.backend == "timescaledb":
                for relation in aggregate["relations"]:
                    name = sql.Identifier(relation["name"]).as_string(self.connection)
                    self.connection.execute("call refresh_continuous_aggregate(%s::regclass, null, %s)", [name, end])
            else:
                with self.connection.transaction():
                    self._refresh_tables(aggregate, end)
        self.recount()

    def recount(self) -> None:
        """Bring the trailing counts up to date."""
        for aggregate in self.manifest["aggregates"]:
            self.connection.execute("select analytics_meta.recount(%s, true)", [aggregate["relations"][0]["name"]])

    def _refresh_tables(self, aggregate: dict[str, Any], end: datetime) -> None:
        main = aggregate["relations"][0]["name"]
        self.connection.execute("select from analytics_meta.rollups where rollup = %s for update", [main])
        for relation in aggregate["relations"]:
            names = {key: sql.Identifier(relation[key]) for key in ("name", "rows_function")}
            bucket = sql.Identifier(aggregate["bucket"]["column"])
            # Literals, not parameters: a name may hold a percent sign.
            delete = sql.SQL("delete from {name} where {bucket} < {end}")
            insert = sql.SQL("insert into {name} select * from {rows_function}('-infinity', {end})")
            for query in (delete, insert):
                self.connection.execute(query.format(bucket=bucket, end=sql.Literal(end), **names))
        self.connection.execute(
            "update analytics_meta.rollups set watermark = greatest(watermark, %s) where rollup = %s", [end, main]
        )

    def read(self, aggregate: Aggregate) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.SQL("select * from {}").format(sql.Identifier(aggregate.name))).fetchall()

    def check(self, rows: list[Row]) -> None:
        """Compare every aggregate with the oracle."""
        for aggregate in self.catalog.aggregates:
            assert_same(aggregate, self.read(aggregate), expected(self.catalog, aggregate, rows))


def assert_same(aggregate: Aggregate, actual: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]]) -> None:
    """Compare rows in any order: exact, but for the last digits of doubles."""
    keys = 1 + len(aggregate.dimensions)
    columns = [aggregate.bucket_name, *(d.name for d in aggregate.dimensions), *(m.name for m in aggregate.measures)]
    columns += [derived.name for derived in aggregate.derived]
    found, right = ({_key(row[:keys]): row for row in rows} for rows in (actual, wanted))
    assert len(found) == len(actual), f"{aggregate.name}: a key comes twice"
    assert found.keys() == right.keys(), aggregate.name
    for key, row in right.items():
        told = dict(zip(columns, found[key], strict=True))
        for column, value in zip(columns, row, strict=True):
            assert _close(told[column], value), (
                f"{aggregate.name} {key}: {column} is {told[column]!r}, expected {value!r}"
            )


def _key(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_plain(value) for value in values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def _close(actual: Any, wanted: Any) -> bool:
    if isinstance(wanted, float):
        return actual is not None and math.isclose(actual, wanted, rel_tol=1e-12, abs_tol=1e-300)
    return type(actual) is type(wanted) and bool(actual == wanted)
