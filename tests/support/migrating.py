"""What the migrator's tests share: catalogs with an edit, databases with rows, the command line."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import yaml
from adi_analytics import migrate
from adi_analytics.migrate.cli import main
from adi_analytics.migrate.files import migration
from adi_analytics_codegen.backends.sql.manifest.document import manifest, to_json
from adi_analytics_codegen.check.catalog import load_catalog

from support.paths import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

Document = dict[str, Any]

_MORE_OF_THE_SAME = (
    "analytics_integration_health_daily",
    "analytics_auth_events_daily",
    "analytics_cocoon_activity_daily",
)
"""Aggregates with nothing that others of the catalog do not have: each costs every database of a test its time."""


def connect(dsn: str) -> psycopg.Connection[Any]:
    return psycopg.connect(dsn, autocommit=True, prepare_threshold=None)


def rows(dsn: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connect(dsn) as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


def value(dsn: str, query: str, *parameters: Any) -> Any:
    return rows(dsn, query, *parameters)[0][0]


def execute(dsn: str, *statements: str) -> None:
    with connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Ran:
    """How a command of analytics-migrate ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str | Path) -> Ran:
    """Run analytics-migrate in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main([str(argument) for argument in arguments])
    assert "Traceback" not in err.getvalue()
    return Ran(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Project:
    """A project with a catalog, a manifest and migrations of its own."""

    folder: Path

    @property
    def migrations(self) -> Path:
        return self.folder / "migrations"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    def edit(self, change: Callable[[Document], None] = lambda _: None) -> None:
        """Apply *change* to the catalog and generate the manifest again."""
        source = self.folder / "events.yaml"
        document = yaml.load(source.read_text(encoding="utf-8"), yaml.CSafeLoader)  # safe, and fast
        change(document)
        source.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        self.manifest.write_text(to_json(manifest(load_catalog(source))), encoding="utf-8")

    def new(self, message: str | None = None, *, drop_retired: bool = False) -> migrate.NewResult:
        return migrate.new(message, migrations=self.migrations, manifest=self.manifest, drop_retired=drop_retired)

    def options(self, dsn: str, **more: Any) -> migrate.Options:
        return migrate.Options(database_url=dsn, migrations=self.migrations, **more)

    def apply(self, dsn: str, wanted: Any = "all", **more: Any) -> migrate.ApplyResult:
        return migrate.apply(wanted, self.options(dsn, **more))


def project(folder: Path, change: Callable[[Document], None] = lambda _: None) -> Project:
    """Return a project whose catalog is this repository's with *change*, and the migrations of an empty snapshot.

    It has an aggregate of each kind, not all of them.
    """
    made = Project(folder)
    folder.mkdir(exist_ok=True)
    made.migrations.mkdir()
    (folder / "events.yaml").write_text(EVENTS.read_text(encoding="utf-8"), encoding="utf-8")

    def first(document: Document) -> None:
        for name in _MORE_OF_THE_SAME:
            del document["aggregates"][name]
        del document["dashboard"]
        change(document)

    made.edit(first)
    made.new()
    return made


@dataclass(frozen=True)
class Target:
    """An empty database, and the backend that it is meant for."""

    backend: str
    dsn: str

    @property
    def wasm(self) -> bool:
        """Whether the server is the WASM build, which has one session and no background workers."""
        return "sslmode=disable" in self.dsn

    @property
    def options(self) -> migrate.Options:
        # No server here has the Apache licence: its backend is asked for on one that has more.
        forced = self.backend if self.backend == "timescaledb_apache" else None
        return migrate.Options(database_url=self.dsn, backend=forced)

    def apply(self, made: Project | None = None) -> migrate.ApplyResult:
        forced = self.options.backend
        return migrate.apply(options=self.options) if made is None else made.apply(self.dsn, backend=forced)


_EVENTS = """
insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
select now() - (g - 1) * interval '37 minutes',
       (array['task_created', 'task_completed', 'api_request', 'auth_login_attempt'])[1 + g %% 4], 's',
       md5((g %% 7)::text)::uuid,
       jsonb_build_object('duration_ms', g, 'endpoint', '/x', 'method', 'GET', 'status_code', 200 + g %% 400,
                          'success', g %% 2 = 0),
       md5('event ' || g)::uuid
from generate_series(1, %s) g
on conflict do nothing
"""


def insert_events(dsn: str, count: int = 2000) -> None:
    """Insert *count* events, 37 minutes apart, back from now, so that there is one today."""
    with connect(dsn) as connection:
        connection.execute(_EVENTS.encode(), (count,))


@contextlib.contextmanager
def environment(**variables: str | None) -> Iterator[None]:
    """Set or remove environment variables for the length of the block."""
    before = {name: os.environ.get(name) for name in variables}
    try:
        _set(variables)
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, found in variables.items():
        if found is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = found


def truth(dsn: str, table: str = "analytics_events") -> dict[Any, tuple[Any, ...]]:
    """Task counts by day (UTC), counted from the raw rows."""
    found = rows(
        dsn,
        f"""select date_trunc('day', "timestamp" at time zone 'UTC'),
                count(*) filter (where event_type = 'task_created'),
                count(*) filter (where event_type = 'task_completed')
            from {table} where event_type like 'task\\_%' group by 1""",
    )
    return {row[0]: row[1:] for row in found}


def counted(dsn: str) -> dict[Any, tuple[Any, ...]]:
    """The same from the aggregate."""
    found = rows(dsn, "select day at time zone 'UTC', created, completed from analytics_task_stats_daily")
    return {row[0]: row[1:] for row in found}


def drop_raw(target: Target, older_than: timedelta) -> None:
    """Drop raw rows as retention does, whole days of them."""
    if target.backend == "postgres":
        execute(target.dsn, "call analytics_meta.prepare_storage(null)")
        limit = datetime.now(UTC) - older_than
        for part, to_time in rows(target.dsn, "select part::text, to_time from analytics_meta.raw_ranges()"):
            if to_time <= limit and "default" not in part:
                execute(target.dsn, f"drop table {part}")
    else:
        execute(target.dsn, f"select drop_chunks('analytics_events', now() - interval '{older_than.days} days')")


def shorten_retention(target: Target, days: int) -> None:
    """Rows older than this count as dropped by retention."""
    execute(target.dsn, f"update analytics_meta.storage set retention = '{days} days'")


def options(dsn: str, folder: Path, **more: object) -> migrate.Options:
    return migrate.Options(database_url=dsn, migrations=folder, **more)  # type: ignore[arg-type]  # of any type


def names(result: migrate.ApplyResult) -> list[str]:
    return [file.name for file in result.applied]


SQL = "-- phase: pre\n-- transaction: on\ncreate table a (i int);\n"


def write(folder: Path, name: str, text: str = SQL, variant: str = "common", *, lock: bool = True) -> Path:
    """Write a migration and, if wanted, its line in the lock."""
    path = folder / name / f"{variant}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    if lock:
        number, phase = name.split("_")[:2]
        with (folder / "migrations.lock").open("a") as file:
            file.write(f"{number} {phase} {variant} {migration.checksum(migration.normalise(text.encode()))}\n")
    return path
