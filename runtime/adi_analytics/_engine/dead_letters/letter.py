"""A row that the database refused, and why."""

from __future__ import annotations

from typing import Final

from adi_analytics._engine.rows.row import Row

_MESSAGE_LIMIT: Final = 1000  # characters of a server's message that are kept


class DeadLetter:
    """A row that was refused, and why.

    Args:
        row: The row.
        reason: As in `Stats.dead_lettered_by_reason`.
        message: What the refuser said.
        sqlstate: The server's code, if it was the server.
        library_version: The version of this package.
    """

    __slots__ = ("library_version", "message", "reason", "row", "sqlstate")

    def __init__(self, row: Row, reason: str, message: str, sqlstate: str | None, library_version: str) -> None:
        self.row = row
        self.reason = reason
        self.message = message
        self.sqlstate = sqlstate
        self.library_version = library_version


def refused_by_server(row: bytes, message: str, code: str | None, *, text_ids: bool, version: str) -> DeadLetter:
    """Return the dead letter of *row*, as it was sent, that the server refused with this *message* and *code*."""
    return DeadLetter(Row.from_copy(row, text_ids=text_ids), "row_rejected", message[:_MESSAGE_LIMIT], code, version)
