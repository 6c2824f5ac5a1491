"""Empty databases for the benchmarks, on a server of yours."""

from __future__ import annotations

import os
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

import psycopg

TIMESCALE = "ADI_ANALYTICS_BENCH_TIMESCALE_DSN"
"""Names a server with TimescaleDB, where the benchmarks may create databases."""
_made = 0


def timescale_server() -> str | None:
    return os.environ.get(TIMESCALE)


def empty_database(admin: str, stack: ExitStack, *, extension: bool = False) -> str:
    """Make an empty database, which goes with *stack*, and return its DSN; *extension* is TimescaleDB, without jobs."""
    global _made  # noqa: PLW0603 - a number for the name
    _made += 1
    name = f"adi_bench_{os.getpid()}_{_made}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    stack.callback(_drop, admin, name)
    dsn = urlunsplit(urlsplit(admin)._replace(path=f"/{name}"))
    if extension:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create extension timescaledb")
            connection.execute("select _timescaledb_functions.stop_background_workers()")
    return dsn


def _drop(admin: str, name: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


def version(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select current_setting('server_version')").fetchone()
        extension = connection.execute("select extversion from pg_extension where extname = 'timescaledb'").fetchone()
    server = str(row[0]).split()[0] if row else "?"
    return f"PostgreSQL {server}{f' with TimescaleDB {extension[0]}' if extension else ''}"
