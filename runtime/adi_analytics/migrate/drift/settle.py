"""Brings definitions into one spelling, so that those that mean the same to the server are the same text.

A dump and a restore change how a definition is spelled; read and written twice, both spellings come out alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg

from adi_analytics.migrate.drift.describe import Properties
from adi_analytics.migrate.server.connection import Connection, execute

_ROUNDS: Final = 2


def views(connection: Connection, one: str, other: str) -> tuple[str, str]:
    """Return two SELECTs in the server's spelling; as they are if it cannot read them. Leaves nothing behind."""
    return _settled(connection, lambda text: _settle_view(connection, text), one, other)


def bodies(connection: Connection, one: str, other: str, properties: Properties) -> tuple[str, str]:
    """Return two bodies of a function with these *properties* in the server's spelling. Leaves nothing behind."""
    return _settled(connection, lambda text: _settle_body(connection, text, properties), one, other)


def _settled(connection: Connection, settle: Callable[[str], str], one: str, other: str) -> tuple[str, str]:
    try:
        with connection.transaction(force_rollback=True):
            return settle(one), settle(other)
    except psycopg.Error:
        return one, other


def _settle_view(connection: Connection, text: str) -> str:
    for _round in range(_ROUNDS):
        execute(connection, f"create or replace temporary view settled as {text}")
        text = _read(connection, "select pg_get_viewdef('pg_temp.settled'::regclass)")
    execute(connection, "drop view pg_temp.settled")
    return text


def _settle_body(connection: Connection, text: str, properties: Properties) -> str:
    head = f"({properties['arguments']}) returns {properties['result']} language {properties['language']}"
    for _round in range(_ROUNDS):
        execute(connection, f"create or replace function pg_temp.settled{head} {text}")
        text = _read(
            connection,
            "select pg_get_function_sqlbody(p.oid) from pg_catalog.pg_proc p"
            " where p.proname = 'settled' and p.pronamespace = pg_my_temp_schema()",
        )
    return text


def _read(connection: Connection, query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    return str(row[0]) if row else ""
