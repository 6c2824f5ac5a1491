"""Tries again what a lock, a deadlock or a concurrent transaction stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg

logger = logging.getLogger(__name__)

TRANSIENT: Final = frozenset({"55P03", "40P01", "40001"})
"""SQLSTATEs of a lock that was not available, a deadlock and a serialization failure."""

_TRIES: Final = 5

Result = TypeVar("Result")


def retry(action: Callable[[], Result]) -> Result:
    """Do *action* and return its result; again after a transient failure, so it must be safe to repeat."""
    for attempt in range(1, _TRIES + 1):
        try:
            return action()
        except psycopg.OperationalError as error:
            if error.sqlstate not in TRANSIENT or attempt == _TRIES:
                raise
            logger.info("met %s, trying again", error.sqlstate)
            time.sleep(0.2 * 2**attempt)
    raise AssertionError  # the last attempt returns or raises
