"""The whole schema of each backend, as text: committed, and made again here.

`ADI_ANALYTICS_UPDATE_SCHEMA=1 pytest tests/migrate/test_schema.py` writes the files again. Servers write the same
definition differently from one major version to the next, so bodies are compared on the versions that CI has.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from adi_analytics.migrate.drift.describe import describe
from adi_analytics.migrate.drift.timescale.hypertable import use_definitions
from adi_analytics.migrate.server.backend import inspect
from support.migrating import Target, connect, rows
from support.servers import TEST_SETTINGS

FOLDER = Path(__file__).parent / "schema"
DEFAULTS = ("storage", "numbers")  # follow from the type
BODIES = ("definition", "body", "source")
VERSIONS = {"postgres": 18, "timescaledb": 17, "timescaledb_apache": 17}

# Partitions inherit an identity column since PostgreSQL 17. Before, only an insert into the table itself makes an id.
PARTITION_ID = """public: column analytics_events_default.id
    type: bigint
    not null: True
    identity: a
"""


def dump(target: Target, *, bodies: bool) -> str:
    """Describe everything but the partitions, whose names hold dates."""
    lines: list[str] = []
    ours = _ours(target)
    with connect(target.dsn) as connection, connection.transaction():
        database = inspect(connection)
        # The server writes a definition's times in the session's zone.
        connection.execute("select set_config('timezone', %s, true)", [TEST_SETTINGS["timezone"]])
        for schema in ("analytics_meta", "public"):
            connection.execute(f"set local search_path = {schema}, public".encode())
            found = describe(connection, schema, names=None if schema == "analytics_meta" else ours)
            if target.backend == "timescaledb":
                use_definitions(connection, database, found)
            partitions = {name.split(" ")[1] for name, entry in found.objects.items() if entry.get("partition")}
            for name in sorted(found.objects):
                if name.split(" ", 1)[1].split(".")[0] not in partitions - {"analytics_events_default"}:
                    lines += [f"{schema}: {name}", *_properties(found.objects[name], bodies=bodies)]
    return "\n".join([*lines, *_extras(target), ""])


def _ours(target: Target) -> set[str]:
    query = """select relname::text from pg_class where relname like 'analytics%' union
        select proname::text from pg_proc where proname like 'analytics%'"""
    return {name for (name,) in rows(target.dsn, query)}


def _properties(entry: dict[str, Any], *, bodies: bool) -> list[str]:
    lines = []
    for name, found in entry.items():
        if found is not None and found is not False and name not in DEFAULTS and (bodies or name not in BODIES):
            first, *more = str(found).strip().splitlines() or [""]
            lines += [f"    {name}: {first}".rstrip(), *(f"        {line}".rstrip() for line in more)]
    return lines


def _extras(target: Target) -> list[str]:
    if target.backend == "postgres":
        return []
    lines = [
        f"hypertable {name}: {column}, {interval}"
        for name, column, interval in rows(
            target.dsn,
            "select hypertable_name, column_name, time_interval from timescaledb_information.dimensions"
            " where hypertable_schema = 'public' order by 1",
        )
    ]
    jobs = rows(
        target.dsn,
        "select proc_name, coalesce(c.user_view_name, j.hypertable_name), schedule_interval,"
        " config - 'hypertable_id' - 'mat_hypertable_id' from timescaledb_information.jobs j"
        " left join _timescaledb_catalog.hypertable h on h.table_name = j.hypertable_name"
        " left join _timescaledb_catalog.continuous_agg c on c.mat_hypertable_id = h.id"
        " where job_id >= 1000 and (c.user_view_name is not null or j.hypertable_name like 'analytics%') order by 1, 2",
    )
    return lines + [f"job {kind} of {name}: every {every}, {config}" for kind, name, every, config in jobs]


def test_the_schema_is_the_committed_one(migrated: Target) -> None:
    path = FOLDER / f"{migrated.backend}.txt"
    (version,) = rows(migrated.dsn, "show server_version_num")[0]
    bodies = int(version) // 10000 == VERSIONS[migrated.backend]
    if os.environ.get("ADI_ANALYTICS_UPDATE_SCHEMA"):
        assert bodies, f"the committed text of {migrated.backend} is made on PostgreSQL {VERSIONS[migrated.backend]}"
        FOLDER.mkdir(exist_ok=True)
        path.write_text(dump(migrated, bodies=True), encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    if int(version) < 170000:
        expected = expected.replace(PARTITION_ID, PARTITION_ID.replace("identity: a", "identity:"))

    assert dump(migrated, bodies=bodies) == (expected if bodies else _without_bodies(expected))


def _without_bodies(text: str) -> str:
    kept, skipping = [], False
    for line in text.split("\n"):
        if not line.startswith("        "):
            skipping = line.startswith(tuple(f"    {name}: " for name in BODIES))
        if not skipping:
            kept.append(line)
    return "\n".join(kept)
