"""What a fault of the server means, by its SQLSTATE, and how long to wait after it."""

from __future__ import annotations

import random
from enum import Enum
from typing import Final

import psycopg


class Verdict(Enum):
    """What to do after a fault."""

    RETRY = "retry"
    """It passes by itself: wait and send the same again."""
    HOLD = "hold"
    """The database must be repaired: keep everything, log it, and try again."""
    ROW = "row"
    """A row is at fault: find it and set it aside."""
    DUPLICATE = "duplicate"
    """Rows are in the table already: leave those out."""


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


class InterruptedWorkError(psycopg.OperationalError):
    """The worker was asked to end in the middle of a statement: no fault of the database."""


class ForeignDatabaseError(psycopg.DatabaseError):
    """The database is another catalog's. Events are kept until the client is given another database.

    Attributes:
        found: The catalog's name, by the database.
        catalog: The name of the client's own.
    """

    def __init__(self, found: str, catalog: str) -> None:
        super().__init__(
            f"the database belongs to the catalog {found!r}, and these are events of the catalog {catalog!r};"
            " check the connection string and the catalog"
        )
        self.found = found
        self.catalog = catalog


class Backoff:
    """Pauses that double up to a cap, with full jitter so that many clients don't return at once.

    Args:
        base: The first pause's upper bound, in seconds.
        cap: The highest upper bound.
    """

    def __init__(self, base: float, cap: float) -> None:
        self._base = base
        self._cap = cap
        self._faults = 0

    def next(self) -> float:
        """Return the next pause, in seconds."""
        bound = min(self._cap, self._base * 2 ** min(self._faults, 32))
        self._faults += 1
        return random.uniform(bound / 10, bound)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Start again from the base: something worked."""
        self._faults = 0
