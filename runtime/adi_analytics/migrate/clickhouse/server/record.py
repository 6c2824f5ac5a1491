"""What was applied, as the database remembers it: a row of `analytics_meta_migrations` for each state of a file."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adi_analytics._shared.clickhouse.text import literal
from adi_analytics._shared.moments import moment_of
from adi_analytics._shared.version import __version__
from adi_analytics.migrate.clickhouse.server.session import CLUSTER, MIGRATIONS
from adi_analytics.migrate.run.record import Applied
from adi_analytics.migrate.server.connection import host

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.files.migration import MigrationFile


def own_table(name: str, backend: str) -> tuple[str, str]:
    """Return how a statement that makes the migrator's own table *name* begins, and its engine."""
    begun = f"create table if not exists {name}"
    if backend != CLUSTER:
        return begun, "ReplacingMergeTree(changed_at)"
    path = literal(f"/clickhouse/tables/{{cluster}}/{{database}}/{name}")
    return (
        f"{begun} on cluster '{{cluster}}'",
        f"ReplicatedReplacingMergeTree({path}, '{{shard}}_{{replica}}', changed_at)",
    )


def bootstrap(backend: str) -> str:
    """Return the statement that makes the record of what was applied."""
    begun, engine = own_table(MIGRATIONS, backend)
    return f"""{begun} (
    `number` UInt32,
    `name` String,
    `phase` String,
    `backend` String,
    `checksum` String,
    `status` String,
    `steps` Array(String),
    `started_at` DateTime64(6, 'UTC'),
    `finished_at` Nullable(DateTime64(6, 'UTC')),
    `applied_by` String,
    `host` String,
    `library_version` String,
    `changed_at` DateTime64(6, 'UTC')
)
engine = {engine}
order by `number`"""


def read_applied(server: Server) -> list[Applied]:
    """Return what the database says was applied, in order."""
    if not server.session.value(f"exists {MIGRATIONS}"):
        return []
    rows = server.session.rows(
        f"select number, name, phase, backend, checksum, status, steps, {_micros('started_at')},"
        f" {_micros('finished_at')}, applied_by, host, library_version from {MIGRATIONS} final order by number"
    )
    return [_applied(row) for row in rows]


def _micros(column: str) -> str:
    return f"toUnixTimestamp64Micro({column})"


def _applied(row: Sequence[Any]) -> Applied:
    number, name, phase, backend, checksum, status, steps, started, finished, by, machine, version = row
    return Applied(
        number, name, phase, backend, checksum, status, tuple(steps), moment_of(started),
        None if finished is None else moment_of(finished), by, machine, version,
    )  # fmt: skip


def record(file: MigrationFile, status: str, steps: Sequence[str], started: datetime) -> str:
    """Return the statement that says how far *file* is."""
    done = status != "running"
    listed = ", ".join(map(literal, steps))
    values = [
        str(file.number), *map(literal, (file.name, file.phase, file.variant, file.checksum, status)),
        f"array({listed})" if listed else "emptyArrayString()",
        f"toDateTime64({literal(f'{started.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}')}, 6, 'UTC')",
        "now64(6, 'UTC')" if done else "null",
        "currentUser()",
        literal(place()), literal(__version__), "now64(6, 'UTC')",
    ]  # fmt: skip
    return f"insert into {MIGRATIONS}\nselect {', '.join(values)}"


def place() -> str:
    """Return who runs this, and where."""
    try:
        return f"{getpass.getuser()}@{host()}"
    except (OSError, KeyError):
        return host()
