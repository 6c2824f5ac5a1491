"""The settings on which an answer depends: each session of the migrator sets all of them, whatever was set for it.

A role, a database, the server, a connection string or ``PGOPTIONS`` may set any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from adi_analytics._shared.pins import READING

MEANING: Final = {
    **READING,
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "row_security": "on",
    "default_table_access_method": "heap",  # the one that has unique indexes and partitions everywhere
}
"""What the same statement means, and how the server writes a value."""

_SESSION: Final = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "check_function_bodies": "on",
    "client_min_messages": "warning",
    "jit": "off",  # to compile a query takes a hundred times as long as most of these take to run
}
"""How long a session may take, and what its transactions are like."""

TABLESPACE: Final = (
    "do $$ begin perform set_config('default_tablespace', '', {local})"
    " where current_setting('default_tablespace') = 'pg_default'; end $$"
)
"""A tablespace that somebody chose for our tables is theirs to choose; only, a partitioned table refuses this name."""

_SINCE_17: Final = {"transaction_timeout": "0"}


def pins(server_version: int) -> Iterator[str]:
    """Yield the statements that pin a session; the first one leaves the others the time they need."""
    newer = _SINCE_17 if server_version >= 170000 else {}  # noqa: PLR2004 - PostgreSQL 17
    for name, value in (_SESSION | newer | MEANING).items():
        yield f"set {name} = '{value}'"
    yield TABLESPACE.format(local="false")
