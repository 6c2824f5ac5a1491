"""Adopts a database made by the predecessor's two migrations: VARCHAR columns, a bigserial key, no event_id.

Nothing is dropped. The old table and whatever has the name of one of our relations get the suffix ``_original``, the
migrations run as on an empty database, and the rows are copied day by day under ids computed from the old key: copying
again changes nothing, so a run that was cut off is simply repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString

from psycopg import sql

from adi_analytics._shared.sql import interval, quote
from adi_analytics.migrate.errors import HistoryError
from adi_analytics.migrate.files.manifest import Manifest, Storage, require_snapshot
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.run.apply import ApplyResult, apply
from adi_analytics.migrate.run.record import audit
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, execute, fetch_value
from adi_analytics.migrate.server.predecessor import PRESENT, SUFFIX, columns_of
from adi_analytics.migrate.server.retry import retry
from adi_analytics.migrate.server.session import session
from adi_analytics.migrate.upkeep.backfill import BackfillResult, run_pending

_NEEDED: Final = frozenset({"id", "timestamp", "event_type", "data"})
_DAY: Final = timedelta(days=1)

# md5 gives 128 bits of the old key: the same row always gets the same id.
_COPY: Final[LiteralString] = """
insert into {new} ("timestamp", event_type, service, user_id, data, event_id, meta)
select o."timestamp", o.event_type::text, coalesce({service}, 'unknown'), {user_id},
       case when jsonb_typeof({data}) <> 'object' then jsonb_build_object('type', o.event_type::text, 'value', {data})
            when {data} ? 'type' then {data}
            else {data} || jsonb_build_object('type', o.event_type::text) end,
       md5('adi-analytics original ' || o.id::text || ' ' || extract(epoch from o."timestamp")::text)::uuid,
       jsonb_build_object('original_id', o.id)
from {old} o
where o."timestamp" >= {start} and o."timestamp" < {end}
order by o."timestamp", o.id
on conflict do nothing
"""

_UUID: Final = "^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True)
class AdoptResult:
    """What an adoption did.

    Attributes:
        renamed: The relations that were put aside: old name -> new name.
        copied: Rows copied now.
        rows: Rows of the old table; all of them are in the new one.
    """

    applied: ApplyResult
    renamed: dict[str, str]
    copied: int
    rows: int
    backfills: tuple[BackfillResult, ...]


def adopt(options: Options | None = None) -> AdoptResult:
    """Bring a database of the predecessor to the catalog's schema and keep its rows.

    Stop the old writers first: their INSERT lacks columns that the new table needs. Can be repeated.

    Args:
        options: Where. Defaults to the packaged migrations and the database of the environment.

    Raises:
        HistoryError: If the table is not the predecessor's.
    """
    options = options or Options()
    snapshot = require_snapshot(options.folder)
    with (
        session(options, "baseline") as (connection, database),
        lock.hold(connection, wait=options.lock_wait, waiting=options.progress.waiting),
    ):
        # Autovacuum, for one, locks in another order than the renaming.
        renamed = retry(_put_aside, connection, database, snapshot)
    applied = apply("all", options)
    with (
        session(options, "baseline") as (connection, database),
        lock.hold(connection, wait=options.lock_wait, waiting=options.progress.waiting),
    ):
        copy = _Copy(connection, database, snapshot.storage)
        # Rows older than the retention count in the aggregates, too: neither `maintain` of others nor a policy may drop
        # them before. Whoever is interrupted here repeats the command.
        connection.execute("update analytics_meta.storage set retention = null")
        _let_run(connection, database, _relations(snapshot), run=False)
        copied = copy.run(options)
        options.progress.step("compare the rows")
        rows = copy.check()
        filled = _fill(connection, database, options) if copied else []
        execute(connection, _retention(snapshot))
        _let_run(connection, database, _relations(snapshot), run=True)
        execute(connection, audit("adopt", f"{copied} rows of {copy.old}"))
        return AdoptResult(applied, renamed, copied, rows, tuple(filled))


def _put_aside(connection: Connection, database: Database, snapshot: Manifest) -> dict[str, str]:
    table = snapshot.storage.table
    columns = columns_of(connection, database, table)
    if PRESENT in columns or not columns:
        if columns_of(connection, database, table + SUFFIX):
            return {}  # done by an earlier run
        raise HistoryError(
            f"there is no table {table} of the predecessor: found {'the present form' if columns else 'none'}",
            (
                "Run `analytics-migrate status`. If it says that the migrations are pending, record them with "
                "`analytics-migrate baseline`."
                if columns
                else "An empty database needs no adoption: run `analytics-migrate all`."
            ),
        )
    if not columns >= _NEEDED:
        raise HistoryError(
            f"{table} lacks the columns {', '.join(sorted(_NEEDED - columns))}: it is not the predecessor's",
            "Rename it, run `analytics-migrate all`, and copy its rows yourself.",
        )
    with connection.transaction():
        execute(connection, f"set local search_path = {database.search_path_sql}; set local lock_timeout = '5s'")
        renamed = dict(_rename(connection, database, snapshot))
        # A policy goes on under the new name: that of retention would drop the rows that are to be copied.
        _let_run(connection, database, list(renamed.values()), run=False)
        return renamed


_LET_RUN: Final[LiteralString] = """
select {extension}.alter_job(j.job_id, scheduled => %(run)s)
from timescaledb_information.jobs j
left join _timescaledb_catalog.hypertable h
    on h.schema_name = j.hypertable_schema and h.table_name = j.hypertable_name
left join _timescaledb_catalog.continuous_agg c on c.mat_hypertable_id = h.id
where %(schema)s in (j.hypertable_schema, c.user_view_schema)
    and coalesce(c.user_view_name, j.hypertable_name) = any(%(names)s)
"""


def _let_run(connection: Connection, database: Database, names: list[str], *, run: bool) -> None:
    """Pause TimescaleDB's jobs on the relations, or let them run."""
    if database.timescaledb is not None:
        query = sql.SQL(_LET_RUN).format(extension=sql.Identifier(database.search_path[-1]))
        connection.execute(query, {"run": run, "schema": database.schema, "names": names})


def _relations(snapshot: Manifest) -> list[str]:
    relations = [relation.name for entry in snapshot.aggregates for relation in entry.relations]
    return [snapshot.storage.table, *relations]


_CLASHES: Final[LiteralString] = """
select c.relname::text, c.relkind::text
from pg_catalog.pg_class c
where c.relnamespace = %(schema)s::text::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'i', 'I', 'S')
    and (c.relname = any(%(names)s)
        or c.oid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid = to_regclass(%(table)s))
        or c.oid in (select pg_get_serial_sequence(%(table)s, a.attname)::regclass from pg_catalog.pg_attribute a
                     where a.attrelid = to_regclass(%(table)s) and a.attnum > 0 and not a.attisdropped))
order by c.relkind in ('i', 'I', 'S') desc, c.relname
"""


def _rename(connection: Connection, database: Database, snapshot: Manifest) -> Iterator[tuple[str, str]]:
    names = [snapshot.storage.table, snapshot.storage.dead_letters_table]
    names += [view.name for entry in snapshot.aggregates for view in entry.views]
    table = f"{quote(database.schema)}.{quote(snapshot.storage.table)}"
    continuous = _continuous(connection, database)
    clashes = connection.execute(_CLASHES, {"schema": quote(database.schema), "names": names, "table": table})
    for name, kind in clashes.fetchall():
        word = {"v": "view", "m": "materialized view", "i": "index", "I": "index", "S": "sequence"}.get(kind, "table")
        word = "materialized view" if name in continuous else word
        new = name[: 63 - len(SUFFIX)] + SUFFIX
        execute(connection, f"alter {word} {quote(name)} rename to {quote(new)}")
        yield name, new


def _continuous(connection: Connection, database: Database) -> set[str]:
    if database.timescaledb is None:
        return set()
    rows = connection.execute(
        "select user_view_name::text from _timescaledb_catalog.continuous_agg where user_view_schema = %s",
        (database.schema,),
    ).fetchall()
    return {row[0] for row in rows}


def _retention(snapshot: Manifest) -> str:
    seconds = snapshot.storage.retention
    return f"update analytics_meta.storage set retention = {'null' if seconds is None else interval(seconds)}"  # noqa: S608 - names and literals are quoted


def _fill(connection: Connection, database: Database, options: Options) -> list[BackfillResult]:
    """The aggregates were filled from an empty table: fill them again."""
    connection.execute("update analytics_meta.backfills set status = 'pending', range_to = null, done_to = null")
    if database.backend == "postgres":
        connection.execute("call analytics_meta.prepare_storage(null)")
    return run_pending(connection, database, options.progress)


class _Copy:
    """Copies the rows of the old table, a day at a time."""

    def __init__(self, connection: Connection, database: Database, storage: Storage) -> None:
        table = storage.table
        self._text_ids = storage.user_id == "string"
        self._connection = connection
        self.old = table + SUFFIX
        self._old = sql.Identifier(database.schema, self.old)
        self._new = sql.Identifier(database.schema, table)
        self._columns = columns_of(connection, database, self.old)

    def run(self, options: Options) -> int:
        options.progress.step(f"look for the days of {self.old}")
        days = self._days()
        copied = 0
        for done, day in enumerate(days):
            options.progress.advance(f"copy {self.old}", done, len(days))
            copied += self._day(day)
        options.progress.advance(f"copy {self.old}", len(days), len(days))
        return copied

    def _days(self) -> list[datetime]:
        """Return the starts of the days that have rows, newest first: what people look at is there first."""
        query = sql.SQL(
            "select distinct date_trunc('day', \"timestamp\", 'UTC') from {}"
            ' where isfinite("timestamp") order by 1 desc'
        )
        return [row[0] for row in self._connection.execute(query.format(self._old))]

    def _day(self, start: datetime) -> int:
        statement = sql.SQL(_COPY).format(
            new=self._new,
            old=self._old,
            service=sql.SQL("nullif(o.service::text, '')") if "service" in self._columns else sql.SQL("null"),
            user_id=self._user_id(),
            data=sql.SQL("coalesce(o.data::jsonb, '{}')"),
            start=sql.Literal(start),
            end=sql.Literal(start + _DAY),
        )
        return self._connection.execute(statement).rowcount

    def _user_id(self) -> sql.Composable:
        if "user_id" not in self._columns:
            return sql.SQL("null")
        if self._text_ids:
            return sql.SQL("o.user_id::text")
        return sql.SQL("case when o.user_id::text ~* {} then o.user_id::text::uuid end").format(sql.Literal(_UUID))

    def check(self) -> int:
        """Return how many rows the old table has; all must be in the new one.

        Raises:
            HistoryError: If rows are missing.
        """
        rows: int = fetch_value(self._connection, sql.SQL("select count(*) from {}").format(self._old))
        missing: int = fetch_value(
            self._connection,
            sql.SQL(
                'select count(*) from {} o where not exists (select from {} n where n."timestamp" = o."timestamp"'
                " and n.event_id = md5('adi-analytics original ' || o.id::text || ' '"
                ' || extract(epoch from o."timestamp")::text)::uuid)'
            ).format(self._old, self._new),
        )
        if missing:
            raise HistoryError(
                f"{missing} of {rows} rows of {self.old} are not in the new table (infinity is no time to store)",
                f"They are still in {self.old}: look at them, correct or delete them, and run the command again.",
            )
        return rows
