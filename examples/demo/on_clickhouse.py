"""The demo on ClickHouse: a server, the generated files, a refresh as the reference of ClickHouse says, and reading."""

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
FILES = ROOT / "generated" / "clickhouse" / "one"
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


def apply(url: str) -> int:
    """Run the statements of the generated files, and return how many there are."""
    if ask(url, "show tables like 'analytics_events'"):
        raise AnalyticsError("the table analytics_events is there already. Give DATABASE_URL an empty database.")
    first = FILES / "events.sql"
    files = [first, *sorted(set(FILES.glob("*.sql")) - {first})]
    texts = (file.read_text(encoding="utf-8") for file in files)
    statements = [one for text in texts for one in text.split(";\n") if one.strip()]
    for statement in statements:
        ask(url, statement)
    return len(statements)


def refresh(url: str, end: datetime) -> None:
    """Store every bucket of the seven that ends by *end*: the rows first, then that they count."""
    to = f"{end.astimezone(UTC):%Y-%m-%d 00:00:00}"
    for name in (file.stem for file in FILES.glob("analytics_*.sql")):
        main, version = f"{name}_v1", 1
        bucket = "hour" if name.endswith("hourly") else "day"
        for rows in ask(url, f"show tables like '{main}%_rows'").split():
            source = f"{rows}(from_time = '1970-01-01 00:00:00', to_time = '{to}')"
            ask(url, f"insert into {rows.removesuffix('_rows')} select *, {version} from {source}")
        stored = f"select {bucket} as bucket from {main} where _version = {version}"
        start = "select toDateTime64('1900-01-01 00:00:00', 6, 'UTC')"
        ask(
            url,
            f"insert into analytics_meta_buckets select '{main}', bucket, toDateTime64('{to}', 6, 'UTC'), {version}"
            f" from ({stored} union distinct {start})",
        )


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
