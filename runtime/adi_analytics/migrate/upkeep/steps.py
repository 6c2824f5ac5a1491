"""The steps of a round of housekeeping, none of which keeps another from being done."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, ParamSpec, Self, TypeVar

import psycopg

from adi_analytics.migrate.options import Progress
from adi_analytics.migrate.server.connection import Connection
from adi_analytics.migrate.server.retry import is_transient, retry

logger = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_NOTE: Final = "AD001"
"""The SQLSTATE of the warnings of analytics_meta."""


class Steps:
    """The steps of a round: one that fails keeps no other from being done.

    What another session is in the way of waits for the next round. Any other error is raised at the end.
    """

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self.notes: list[str] = []
        self._connection = connection
        self._progress = progress
        self._error: psycopg.Error | None = None

    def __enter__(self) -> Self:
        self._connection.add_notice_handler(self._notice)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._connection.remove_notice_handler(self._notice)
        if error is None and self._error is not None:
            raise self._error

    def do(
        self, name: str, action: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result | None:
        """Do *action* and return its result, or ``None`` if it failed."""
        self._progress.step(name)
        try:
            return retry(action, *args, **kwargs)
        except psycopg.Error as error:
            if self._connection.broken or self._connection.closed:
                raise
            if is_transient(error):
                self._note(f"{name}: {error.diag.message_primary or error}")
            else:
                self._error = self._error or error
            return None

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.sqlstate == _NOTE:
            self._note(notice.message_primary or "")

    def _note(self, what: str) -> None:
        logger.warning("maintain: %s", what)
        self.notes.append(what)
