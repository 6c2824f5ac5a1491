"""The demo on ClickHouse: a server, and reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

from adi_analytics import AnalyticsError
from expected import Rows
from report import DIMENSIONS

ROOT = Path(__file__).parents[2]
FRONT = ROOT / "tests" / "support" / "clickhouse" / "front.py"
"""There is no ClickHouse in a wheel, but its engine is (chdb): this program puts it behind an HTTP interface."""


def server(stack: ExitStack) -> str:
    """Return the URL of the server of DATABASE_URL, or of the engine of ClickHouse in a process of its own."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return given
    folder = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
    process = subprocess.Popen(
        [sys.executable, str(FRONT), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    if not port:
        raise AnalyticsError("the engine of ClickHouse did not start: its message is above. Install chdb-core.")
    url = f"clickhouse://127.0.0.1:{port}/demo"
    ask(f"http://127.0.0.1:{port}/default", "create database demo")
    return url


def read_rows(url: str, name: str) -> Rows:
    """Return the rows of an aggregate by bucket and dimensions, newest bucket first."""
    text = ask(url, f"select * from {name} order by 1 desc format JSONEachRow")
    rows: Rows = {}
    for line in text.splitlines():
        row: dict[str, Any] = json.loads(line)
        bucket, *dimensions = (next(iter(row)), *DIMENSIONS.get(name, ()))
        at = datetime.fromisoformat(row.pop(bucket)).replace(tzinfo=UTC)
        rows[at, *(row.pop(column) for column in dimensions)] = row
    return rows


def ask(url: str, query: str) -> str:
    """Return the answer of ClickHouse's HTTP interface to *query*."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    secure = parts.scheme in ("https", "clickhouses") or given.get("secure") == "true"
    port = parts.port or (8443 if secure else 8123)
    settings = {"database": parts.path.strip("/"), "output_format_json_quote_64bit_integers": "0"}
    headers = {"X-ClickHouse-User": parts.username or "default", "X-ClickHouse-Key": parts.password or ""}
    where = f"{'https' if secure else 'http'}://{parts.hostname}:{port}/?{urlencode(settings)}"
    try:
        with urlopen(Request(where, query.encode(), headers), timeout=300) as answer:
            found: str = answer.read().decode()
    except OSError as error:
        detail = error.read().decode() if hasattr(error, "read") else str(error)
        raise AnalyticsError(f"ClickHouse at {parts.hostname}:{port}: {detail.strip()}") from None
    return found
