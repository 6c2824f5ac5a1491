"""``doctor``: looks at everything that a working setup needs, and says how to repair what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import psycopg
from psycopg import sql

from adi_analytics._shared.conninfo import printable
from adi_analytics._shared.sql import quote
from adi_analytics.migrate.errors import MigrateError
from adi_analytics.migrate.files.manifest import catalog_name, load_snapshot
from adi_analytics.migrate.files.migration import load_migrations, require_folder
from adi_analytics.migrate.files.statements import ContinuousAggregate
from adi_analytics.migrate.options import Options, source_for
from adi_analytics.migrate.run.plan import make_plan
from adi_analytics.migrate.run.record import read_applied
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import CHOOSE, Database, inspect
from adi_analytics.migrate.server.connection import Connection, connect, database_url, fetch_value
from adi_analytics.migrate.server.predecessor import how_to_take

State = Literal["ok", "warning", "error"]

_SKEW: Final = timedelta(seconds=5)
_OLD_MARK: Final = timedelta(hours=2)
_OLDEST_TIMESCALEDB: Final = (2, 13)
_OLDEST_WITH_LATERAL: Final = (2, 16)
_OLDEST_WITH_ZONES: Final = (2, 14, 2)
"""What continuous aggregates can do since when; the other edition has none, and PostgreSQL does it itself."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check saw.

    Attributes:
        check: What was looked at.
        state: ``ok``, ``warning`` or ``error``.
        found: What was seen.
        remedy: What to do about it; empty when all is well.
    """

    check: str
    state: State
    found: str
    remedy: str = ""


def doctor(options: Options | None = None) -> tuple[Diagnosis, ...]:
    """Examine a setup. Changes nothing, and reports what is wrong instead of raising it.

    Args:
        options: Where. Defaults to the packaged migrations and the database of the environment.
    """
    options = options or Options()
    found: list[Diagnosis] = []
    about = "catalog"
    try:
        found.append(catalog_found(options))
        about = "connection"
        url = database_url(options.database_url)
        with connect(url, command="doctor") as connection:
            found.append(Diagnosis("connection", "ok", f"{printable(url)}, PostgreSQL {_server(connection)}"))
            about = "database"
            found += _examine(connection, options)
    except MigrateError as error:
        found.append(Diagnosis(about, "error", error.problem, error.remedy))
    return tuple(found)


def catalog_found(options: Options) -> Diagnosis:
    """Return which catalog is used, and why."""
    if options.migrations is not None:
        require_folder(options.migrations)
        return Diagnosis("catalog", "ok", f"the migrations in {options.migrations}")
    source = source_for(options.catalog, options.project)
    require_folder(source.migrations)
    return Diagnosis("catalog", "ok", f"{source.why}; migrations in {source.migrations}")


def _server(connection: Connection) -> str:
    return str(fetch_value(connection, "show server_version")).split(" ")[0]


def _examine(connection: Connection, options: Options) -> Iterator[Diagnosis]:
    try:
        database = inspect(connection, wanted=options.backend, catalog=catalog_name(options.folder))
    except MigrateError:
        yield from _extension(connection, None)  # what is installed may explain it
        raise
    yield from _extension(connection, database.backend if database.installed else options.backend)
    for check in (_clock, _lock_holder, _encoding, _rights):
        yield from _attempt(check, connection, database, options)
    pending = yield from _migrations(connection, database, options)
    if not database.installed or pending:
        return
    for more in _CHECKS[database.backend]:
        yield from _attempt(more, connection, database, options)


_Check = Callable[[Connection, Database, Options], Iterator[Diagnosis]]


def _attempt(check: _Check, connection: Connection, database: Database, options: Options) -> Iterator[Diagnosis]:
    try:
        yield from list(check(connection, database, options))
    except psycopg.Error as error:
        name = check.__name__.strip("_").replace("_", " ")
        yield Diagnosis(name, "error", error.diag.message_primary or str(error), "Run `analytics-migrate drift`.")


def _extension(connection: Connection, chosen: str | None) -> Iterator[Diagnosis]:
    """Tell what TimescaleDB there is; *chosen* is the backend that is settled, and leaves nothing to advise."""
    row = connection.execute(
        "select a.default_version, a.installed_version, current_setting('timescaledb.license', true)"
        " from pg_catalog.pg_available_extensions a where a.name = 'timescaledb'"
    ).fetchone()
    if row is None:
        yield Diagnosis("extension", "ok", "plain PostgreSQL: rollups are kept by `analytics-migrate maintain`")
        return
    default, installed, licence = row
    if installed is None and chosen is not None:
        found = f"TimescaleDB {default} is on the server, and not used: the backend is {chosen}"
        yield Diagnosis("extension", "ok", found)
        return
    if installed is None:
        remedy = CHOOSE
        # Only a superuser may see the setting.
        preloaded = fetch_value(connection, "select setting from pg_settings where name = 'shared_preload_libraries'")
        if preloaded is not None and "timescaledb" not in preloaded:
            remedy = f"Add timescaledb to shared_preload_libraries and restart the server. {remedy}"
        yield Diagnosis("extension", "warning", f"TimescaleDB {default} is on the server, not in this database", remedy)
        return
    if _numbers(installed) < _OLDEST_TIMESCALEDB:
        yield Diagnosis(
            "extension",
            "error",
            f"TimescaleDB {installed}",
            "Update to 2.13 or newer (alter extension timescaledb update).",
        )
    elif licence != "timescale" and chosen is not None:
        yield Diagnosis("extension", "ok", f"TimescaleDB {installed}, licence {licence}; the backend is {chosen}")
    elif licence != "timescale":
        yield Diagnosis(
            "extension", "warning", f"TimescaleDB {installed}, licence {licence}: no continuous aggregates",
            "Set timescaledb.license = 'timescale' (community edition), or let `analytics-migrate maintain` do it.",
        )  # fmt: skip
    else:
        yield Diagnosis("extension", "ok", f"TimescaleDB {installed}, community edition")


def _clock(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    before = datetime.now(UTC)
    server: datetime = fetch_value(connection, "select clock_timestamp()")
    middle = before + (datetime.now(UTC) - before) / 2
    skew = abs(server - middle)
    if skew > _SKEW:
        yield Diagnosis(
            "clock", "warning", f"server and this machine differ by {skew.total_seconds():.0f} s",
            "Run a time service (chrony, systemd-timesyncd) on both: buckets go by the writers' clocks.",
        )  # fmt: skip
    else:
        yield Diagnosis("clock", "ok", f"server and this machine differ by {skew.total_seconds():.1f} s")


def _lock_holder(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    holder = lock.describe_holder(connection)
    if holder != "nobody any more":
        yield Diagnosis(
            "lock",
            "warning",
            f"held by {holder}",
            "Wait for that run; if it is dead: select pg_terminate_backend(<pid>);",
        )


def _encoding(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    encoding = fetch_value(connection, "show server_encoding")
    if encoding != "UTF8":
        yield Diagnosis(
            "encoding", "warning", f"the database's encoding is {encoding}: events with other text become dead letters",
            "Use a database that was made with encoding 'UTF8'.",
        )  # fmt: skip


def _rights(connection: Connection, database: Database, _: Options) -> Iterator[Diagnosis]:
    row = connection.execute(
        "select current_user, has_database_privilege(current_database(), 'create'),"
        " has_schema_privilege(%s, 'create'), (select rolcanlogin from pg_roles where rolname = current_user)",
        (database.schema,),
    ).fetchone()
    role, may_create, may_use, may_login = row or ("", False, False, False)
    if not database.installed and not may_create:
        remedy = f"grant create on database <name> to {quote(role)};"
        yield Diagnosis("rights", "error", f"{role} may not create the schema analytics_meta", remedy)
    elif not may_use:
        remedy = f"grant usage, create on schema {quote(database.schema)} to {quote(role)};"
        yield Diagnosis("rights", "error", f"{role} may not create tables in {database.schema}", remedy)
    elif database.backend == "timescaledb" and not may_login:
        remedy = f"alter role {quote(role)} login; TimescaleDB runs policies as their owner."
        yield Diagnosis("rights", "error", f"{role} may not log in", remedy)
    else:
        yield Diagnosis("rights", "ok", f"{role} may create what the migrations need")


def _migrations(connection: Connection, database: Database, options: Options) -> Generator[Diagnosis, None, bool]:
    files = load_migrations(options.folder, database.backend)
    applied = read_applied(connection) if database.installed else []
    pending = make_plan(files, applied, "all").pending
    if pending:
        names = ", ".join(file.name for file in pending)
        snapshot = None if applied else load_snapshot(options.folder)
        taken = snapshot and how_to_take(connection, database, snapshot.storage.table)
        remedy = taken or "Run `analytics-migrate all` (or pre and post)."
        yield Diagnosis("migrations", "warning", f"pending: {names}", remedy)
    else:
        yield Diagnosis("migrations", "ok", f"all {len(files)} applied, backend {database.backend}")
    return bool(pending)


def _backfills(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    rows = connection.execute("select relation from analytics_meta.backfills where status <> 'done'").fetchall()
    if rows:
        names = ", ".join(row[0] for row in rows)
        yield Diagnosis("backfill", "warning", f"not done: {names}", "Run `analytics-migrate backfill`.")


def _late(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    row = connection.execute("select count(*), min(marked_at) from analytics_meta.late_buckets").fetchone()
    count, oldest = row or (0, None)
    if oldest is not None and oldest < datetime.now(UTC) - _OLD_MARK:
        yield Diagnosis(
            "late events", "warning", f"{count} hours with late events wait, the first since {oldest:%Y-%m-%d %H:%M}",
            "Run `analytics-migrate maintain` regularly (cron, --loop or --install-pg-cron).",
        )  # fmt: skip
    else:
        yield Diagnosis("late events", "ok", f"{count} hours wait")


def _refreshes(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    rows = connection.execute(
        "select aggregate, refreshed_at from analytics_meta.aggregates where active"
        " and analytics_meta.raw_floor() is not null"
        " and (refreshed_at is null or refreshed_at < now() - 3 * refresh_every) order by aggregate"
    ).fetchall()
    if rows:
        names = ", ".join(f"{name} ({at:%Y-%m-%d %H:%M})" if at else f"{name} (never)" for name, at in rows)
        yield Diagnosis(
            "refreshes", "warning", f"overdue: {names}; the views stay right, but slow",
            "Run `analytics-migrate maintain` regularly (cron, --loop or --install-pg-cron).",
        )  # fmt: skip
    else:
        yield Diagnosis("refreshes", "ok", "all aggregates are up to date")


def _time_zones(connection: Connection, _: Database, options: Options) -> Iterator[Diagnosis]:
    snapshot = load_snapshot(options.folder)
    zones = {entry.bucket.time_zone for entry in snapshot.aggregates} if snapshot is not None else set()
    named = sorted(zone for zone in zones if zone is not None)
    if not named:
        return
    known = connection.execute("select name from pg_timezone_names where name = any(%s)", (named,)).fetchall()
    for zone in sorted(set(named) - {name for (name,) in known}):
        remedy = f"Update the time zones of the server (tzdata), or use another name of {zone} in events.yaml."
        yield Diagnosis("time zones", "error", f"the server knows no time zone {zone}: its rows are not stored", remedy)


def _continuous_aggregates(connection: Connection, _: Database, options: Options) -> Iterator[Diagnosis]:
    """Tell which aggregates the TimescaleDB of this database is too old for."""
    snapshot = load_snapshot(options.folder)
    version = fetch_value(connection, "select extversion from pg_catalog.pg_extension where extname = 'timescaledb'")
    for entry in () if snapshot is None else snapshot.aggregates:
        needs: list[tuple[tuple[int, ...], str]]
        needs = [(_OLDEST_WITH_ZONES, "a time zone")] if entry.bucket.time_zone is not None else []
        made = entry.stored("timescaledb")
        if any(one.is_lateral for one in made if isinstance(one, ContinuousAggregate)):
            needs.append((_OLDEST_WITH_LATERAL, "`each`"))
        for oldest, what in needs:
            if _numbers(version) < oldest:
                number = ".".join(map(str, oldest))
                problem = f"{entry.name} has {what}, which needs TimescaleDB {number}; this is {version}"
                remedy = f"Update to {number} or newer (alter extension timescaledb update)."
                yield Diagnosis("aggregates", "error", problem, remedy)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".") if part.isdigit())


def _default_partition(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    rows = fetch_value(
        connection,
        "select count(*) from analytics_meta.raw_ranges() r where r.part ="
        " (select partdefid from pg_partitioned_table where partrelid = analytics_meta.events_table())",
    )
    covered = fetch_value(
        connection,
        "select count(*) from analytics_meta.raw_ranges() r where r.from_time <= now() and r.to_time > now()"
        " and r.part <> (select partdefid from pg_partitioned_table where partrelid = analytics_meta.events_table())",
    )
    remedy = "Run `analytics-migrate maintain` regularly: it makes partitions and moves the rows."
    if not covered:
        yield Diagnosis("partitions", "error", "no partition for now: rows go to the default partition", remedy)
    elif rows:
        yield Diagnosis("partitions", "warning", f"the default partition holds rows of {rows} intervals", remedy)
    else:
        yield Diagnosis("partitions", "ok", "there is a partition for now, and the default partition is empty")


def _indexes(connection: Connection, database: Database, _: Options) -> Iterator[Diagnosis]:
    rows = connection.execute(
        "select c.relname::text from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid"
        " where not i.indisvalid and c.relnamespace = %s::text::regnamespace",
        (quote(database.schema),),
    ).fetchall()
    for (name,) in rows:
        remedy = f"reindex index concurrently {quote(name)}; or drop it and run the migration again."
        yield Diagnosis("indexes", "error", f"{name} is invalid: it is kept up, but not used", remedy)


def _jobs(connection: Connection, _: Database, __: Options) -> Iterator[Diagnosis]:
    """Look at the policies. A build of 2.22 reports healthy jobs as failed with 24000: that is not counted."""
    paused = fetch_value(
        connection,
        "select string_agg(job_id::text, ', ') from timescaledb_information.jobs"
        " where job_id >= 1000 and not scheduled and"
        " (proc_name like 'policy_%%' or proc_schema = 'analytics_meta')",
    )
    if paused:
        remedy = "select alter_job(<job id>, scheduled => true);"
        yield Diagnosis("policies", "warning", f"paused: jobs {paused}", remedy)
    failing = connection.execute(
        "select e.job_id, e.proc_name, e.sqlerrcode, e.err_message from timescaledb_information.job_errors e"
        " where e.start_time > now() - interval '1 day' and coalesce(e.sqlerrcode, '') <> '24000'"
        " order by e.start_time desc limit 3"
    ).fetchall()
    for job, name, code, message in failing:
        remedy = f"select * from timescaledb_information.job_errors where job_id = {job};"  # noqa: S608 - names and literals are quoted
        yield Diagnosis("policies", "error", f"job {job} ({name}) failed: {message} ({code})", remedy)
    if fetch_value(connection, "select analytics_meta.needs_refreshing()"):
        yield Diagnosis(
            "scheduler", "warning", "no TimescaleDB scheduler runs in this database (or this role may not see it)",
            "Check timescaledb.max_background_workers, or run `analytics-migrate maintain` regularly.",
        )  # fmt: skip
    elif not paused and not failing:
        yield Diagnosis("policies", "ok", "the scheduler runs")


def _letters(connection: Connection, database: Database, options: Options) -> Iterator[Diagnosis]:
    snapshot = load_snapshot(options.folder)
    if snapshot is None:
        return
    name = sql.Identifier(database.schema, snapshot.storage.dead_letters_table)
    query = sql.SQL("select count(*) from {} where replayed_at is null").format(name)
    waiting: Any = fetch_value(connection, query)
    if waiting:
        remedy = (
            "Look with `analytics-migrate dead-letters list`; once repaired, `analytics-migrate dead-letters replay`."
        )
        yield Diagnosis("dead letters", "warning", f"{waiting} events could not be stored", remedy)


_CHECKS: Final[dict[str, tuple[_Check, ...]]] = {
    "postgres": (_backfills, _late, _refreshes, _time_zones, _default_partition, _indexes, _letters),
    "timescaledb_apache": (_backfills, _late, _refreshes, _time_zones, _indexes, _letters),
    "timescaledb": (_continuous_aggregates, _backfills, _late, _time_zones, _jobs, _indexes, _letters),
}
