"""What the numbers were measured on."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg

PACKAGES = (
    "adi-analytics",
    "psycopg",
    "asyncpg",
    "opentelemetry-sdk",
    "posthog",
    "segment-analytics-python",
    "snowplow-tracker",
)


def describe(databases: dict[str, str]) -> dict[str, str]:
    """Return the facts, by name, in the order in which a reader wants them."""
    return {
        "measured on": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(terse=True),
        "Python": platform.python_version(),
        "servers": ", ".join(f"{name} ({_server(dsn)})" for name, dsn in databases.items()),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _server(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        (server,) = connection.execute("select current_setting('server_version')").fetchone() or ("?",)
        extension = connection.execute("select extversion from pg_extension where extname = 'timescaledb'").fetchone()
        (fsync,) = connection.execute("select current_setting('fsync')").fetchone() or ("?",)
    return f"{server.split()[0]}{f', extension {extension[0]}' if extension else ''}, fsync {fsync}"
