"""What an error of PostgreSQL means, by its SQLSTATE."""

from __future__ import annotations

import re
from typing import Any, Final

import psycopg

from adi_analytics._engine.delivery.faults import Fault, Verdict

# The longest prefix of the SQLSTATE that is listed here decides.
_VERDICTS: Final = {
    "": Verdict.HOLD,  # unknown: losing nothing is safer than guessing that a row is bad
    "08": Verdict.RETRY,  # connection exceptions
    "21": Verdict.ROW,  # cardinality violation, from a trigger
    "22": Verdict.ROW,  # data exceptions: NUL characters, invalid JSON, out of range
    "23": Verdict.ROW,  # integrity constraints: not null, check, foreign key, no partition for the row
    "23505": Verdict.DUPLICATE,
    "25006": Verdict.RETRY,  # read-only transaction: we reached a standby, or a failover is under way
    "25P02": Verdict.RETRY,  # in a failed transaction: the rollback did not get through
    "25P03": Verdict.RETRY,  # idle-in-transaction timeout
    "25P04": Verdict.RETRY,  # transaction timeout
    "40": Verdict.RETRY,  # serialisation failure, deadlock
    "44": Verdict.ROW,  # with check option violation
    "53": Verdict.RETRY,  # insufficient resources
    "54": Verdict.ROW,  # program limits: a string or an index entry of the row is too long
    "55P03": Verdict.RETRY,  # lock not available
    "57": Verdict.RETRY,  # query cancelled, shutdown, crash, starting up, dropped database
    "58": Verdict.RETRY,  # system error: I/O
    "P0": Verdict.ROW,  # raised by a trigger
}


def verdict_of(error: psycopg.Error) -> Verdict:
    """Return what to do after *error*; one without a SQLSTATE means that the connection failed."""
    state = error.sqlstate
    if state is None:
        return Verdict.HOLD if isinstance(error, ForeignDatabaseError) else Verdict.RETRY
    return next(_VERDICTS[state[:length]] for length in (5, 3, 2, 0) if state[:length] in _VERDICTS)


def fault_of(error: psycopg.Error, table: str = "") -> Fault:
    """Return what *error*, of a statement that may have been a COPY to *table*, means.

    Only the server's first line is kept: the details may hold values.
    """
    name = type(error).__name__
    return Fault(
        verdict_of(error),
        error.sqlstate,
        name,
        error.diag.message_primary or name,
        # A failure to connect has no code; its text names host, user and database, never an event's values.
        text=str(error).strip(),
        line=named_line(error, table) if table else None,
        of_rows=error.sqlstate is not None,
    )


class ForeignDatabaseError(psycopg.DatabaseError):
    """The database is another catalog's. Events are kept until the client is given another database."""


def named_line(error: psycopg.Error, table: str) -> int | None:
    """Return the line of a COPY to *table* that *error* is about, counted from 1, or ``None``.

    The text is ``COPY <table>, line <n>`` in the server's language; in all of them the number follows the table. The
    lines of a trigger's functions come before it.
    """
    context: Any = error.diag.context or ""
    for line in context.splitlines():
        _, found, rest = line.partition(table)
        if found and line.startswith("COPY") and (number := re.search(r"\d+", rest)):
            return int(number.group())
    return None
