"""What an error of ClickHouse means, by its code or the HTTP status."""

from __future__ import annotations

import re
from typing import Final

from adi_analytics._engine.delivery.faults import Fault, Verdict
from adi_analytics._shared.clickhouse.errors import (
    ROW,
    SETUP,
    ClickhouseError,
    RefusedByServerError,
    UnreachableServerError,
    said,
)

# Names of the codes: `select number, errorCodeToName(number) from numbers(1100)`.
_PASSING: Final = frozenset({
    3, 40, 74, 75, 76, 99, 101, 102, 173, 198, 201, 202, 203, 209, 210, 225, 236, 242, 243, 244, 252, 254, 279, 285,
    286, 289, 290, 319, 341, 369, 373, 394, 415, 425, 439, 473, 499, 519, 659, 692, 696, 700, 733, 745, 999,
})  # fmt: skip
"""Disk, network, Keeper, replicas, quorum, limits of queries and parts: they pass by themselves."""
_OF_SIZE: Final = frozenset({159, 160, 241})
"""The time and the memory of one insert: they may pass, or be too small for a row."""
_PASSING_STATUS: Final = frozenset({408, 425, 429})
_TOO_LARGE: Final = 413
_SERVER: Final = 500  # the first HTTP status that says that the server is at fault

_LINE: Final = re.compile(r"(?:\(at row |is violated at row )(\d+)")


class ForeignDatabaseError(ClickhouseError):
    """The database is another catalog's. Events are kept until the client is given another database."""


class UnfitTableError(ClickhouseError):
    """The table is not what the worker writes to, or what answers is no ClickHouse."""


class UnstorableRowError(ClickhouseError):
    """A row holds what ClickHouse would store as another value.

    Attributes:
        line: Which of those to be written, counted from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def fault_of(error: ClickhouseError) -> Fault:
    """Return what *error* means."""
    kind = type(error).__name__
    match error:
        case UnreachableServerError():
            return Fault(Verdict.RETRY, None, error.kind, error.kind, text=str(error))
        case UnstorableRowError():
            return Fault(Verdict.ROW, None, kind, str(error), line=error.line)
        case RefusedByServerError(code=None):
            passing = error.status >= _SERVER or error.status in _PASSING_STATUS
            name = f"HTTP status {error.status}"
            message = "what answers there is no ClickHouse, or a proxy before one"
            verdict, large = Verdict.RETRY if passing else Verdict.HOLD, error.status == _TOO_LARGE
            return Fault(verdict, None, name, message, text=f"{name}: {message}", of_rows=large)
        case RefusedByServerError():
            return _fault_of_code(error.code or 0, error.text)
    return Fault(Verdict.HOLD, None, kind, str(error), text=str(error))


def _fault_of_code(code: int, text: str) -> Fault:
    verdict = Verdict.HOLD
    if code in _PASSING or code in _OF_SIZE:
        verdict = Verdict.RETRY
    elif code in ROW:
        verdict = Verdict.ROW
    number = _LINE.search(text)
    return Fault(
        verdict,
        str(code),
        f"code {code}",
        said(code, text),
        text=f"code {code}",
        line=int(number[1]) if number else None,
        # Unknown: losing nothing is safer than guessing that a row is bad, but it may be one.
        of_rows=code not in _PASSING and code not in SETUP,
    )
