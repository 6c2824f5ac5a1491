"""Whether a thing works that may fail for long. The log gets a line for each change, not one for each request."""

from __future__ import annotations

import logging
import time
from typing import Final

logger = logging.getLogger("adi_analytics.server")

_INTERVAL: Final = 60.0  # seconds between two lines about the same fault, when it comes and goes


class Condition:
    """Whether something works, as the log has said it.

    Args:
        again: The line that says that it works again, with a place for the seconds since it did not.
    """

    def __init__(self, again: str) -> None:
        self._again = again
        self._failing: set[str] = set()
        self._said: dict[str, str] = {}
        self._said_at: dict[str, float] = {}
        self._since: float | None = None

    def failed(self, fault: str, level: int, line: str, *values: object, about: str = "") -> None:
        """Take note of a fault, and log it if it is not the log's last word.

        Args:
            fault: What tells it from other faults.
            level: The level of the line.
            line: What the log says, with places for the *values*.
            values: What is put into these.
            about: Which part fails. All parts must work before the whole does.
        """
        self._failing.add(about)
        known = fault in self._said.values()
        if not known and not self._may_say(fault):
            return
        self._said[about] = fault
        if not known:
            if self._since is None:
                self._since = time.monotonic()
            logger.log(level, line, *values)

    def _may_say(self, fault: str) -> bool:
        now = time.monotonic()
        self._said_at = {said: at for said, at in self._said_at.items() if now - at < _INTERVAL}
        return self._said_at.setdefault(fault, now) == now

    def worked(self, *about: str) -> None:
        """Take note that a part works, or several, and log it if this ends a complaint."""
        for part in about or ("",):
            self._failing.discard(part)
            self._said.pop(part, None)
        if not self._failing and self._since is not None:
            logger.info(self._again, time.monotonic() - self._since)
            self._since = None
