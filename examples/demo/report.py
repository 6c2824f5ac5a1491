"""Reads the aggregates, compares them with what is expected, and prints them."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from expected import Key, Rows
from psycopg import sql
from psycopg.rows import dict_row
from rich import box
from rich.console import Console
from rich.table import Table

DIMENSIONS = {
    "analytics_api_latency_hourly": ("service", "endpoint", "method"),
    "analytics_integration_health_daily": ("provider",),
    "analytics_errors_hourly": ("service", "error_type"),
}
ROWS_SHOWN = 5


def read_rows(url: str, name: str) -> Rows:
    """Return the rows of an aggregate by bucket and dimensions, newest bucket first."""
    query = sql.SQL("select * from {} order by 1 desc").format(sql.Identifier(name))
    rows: Rows = {}
    with psycopg.connect(url) as connection:
        connection.execute("set timezone to 'UTC'")
        for row in connection.cursor(row_factory=dict_row).execute(query):
            columns = (next(iter(row)), *DIMENSIONS.get(name, ()))
            key: Key = tuple(row.pop(column) for column in columns)
            rows[key] = row
    return rows


def differences(wanted: Rows, actual: Rows) -> list[str]:
    """Return a line for each value that is not as expected, each missing row and each row too many."""
    lines = [f"missing row {_text(key)}" for key in wanted if key not in actual]
    lines += [f"unexpected row {_text(key)}" for key in actual if key not in wanted]
    for key in wanted.keys() & actual.keys():
        lines += [
            f"{_text(key)} {column}: expected {value}, found {actual[key].get(column)}"
            for column, value in wanted[key].items()
            if not _same(value, actual[key].get(column))
        ]
    return lines


def print_table(console: Console, name: str, rows: Rows, *, agrees: bool) -> None:
    """Print the newest rows of an aggregate."""
    mark = "[green]agrees[/]" if agrees else "[red]differs[/]"
    title = f"{name}  ({len(rows)} rows, {mark})"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    keys = list(rows)[:ROWS_SHOWN]
    bucket, at = ("hour", "%m-%d %H:%M") if name.endswith("hourly") else ("day", "%Y-%m-%d")
    if keys:
        for column in (bucket, *DIMENSIONS.get(name, ())):
            table.add_column(column, no_wrap=True)
        for column in rows[keys[0]]:
            table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    for key in keys:
        table.add_row(
            key[0].strftime(at), *(_cell(part) for part in key[1:]), *(_cell(value) for value in rows[key].values())
        )
    console.print(table)
    console.print()


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, float) and isinstance(found, (int, float, Decimal)):
        return math.isclose(wanted, float(found), rel_tol=1e-9)
    return bool(wanted == found)


def _text(key: Key) -> str:
    return ", ".join(_cell(part) for part in key)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.isoformat()
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
