"""What a fault means for the rows in hand, whatever database it is of, and how long to wait after it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


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


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error of a database means.

    Attributes:
        verdict: What to do.
        code: The server's code; ``None`` if it gave none.
        kind: What stands for the code where there is none.
        message: What the server said, in one line, without values of an event.
        text: What is known of a connection that failed; no password.
        line: The row that the server names, counted from 1.
        of_rows: Whether rows may be the cause, if it comes again and again.
    """

    verdict: Verdict
    code: str | None
    kind: str
    message: str
    text: str = ""
    line: int | None = None
    of_rows: bool = False

    @property
    def sentence(self) -> str:
        """What is wrong, in the words of who noticed it."""
        return self.text if self.message == self.kind and self.text else self.message


def foreign_database(found: str, catalog: str) -> str:
    """Say that the database is that of the catalog *found*, and not of *catalog*, whose events wait."""
    return (
        f"the database belongs to the catalog {found!r}, and these are events of the catalog {catalog!r};"
        " check the connection string and the catalog"
    )


class InterruptedWorkError(Exception):
    """The worker was asked to end in the middle of a statement: no fault of the database."""


INTERRUPTED = Fault(Verdict.RETRY, None, InterruptedWorkError.__name__, "interrupted")


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
