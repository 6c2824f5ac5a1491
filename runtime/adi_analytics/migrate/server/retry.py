"""Tries again what a lock, a deadlock or a concurrent transaction stopped."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Final, ParamSpec, TypeVar

import psycopg

logger = logging.getLogger(__name__)

TRANSIENT: Final = frozenset({"55P03", "40P01", "40001"})
"""SQLSTATEs of a lock that was not available, a deadlock and a serialization failure."""

_TRIES: Final = 5
_FIRST_PAUSE: Final = 0.4  # seconds at most, doubled each time
_LONGEST_PAUSE: Final = 6.4

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def is_transient(error: psycopg.Error) -> bool:
    """Whether the same statement may succeed when it is sent again."""
    return error.sqlstate in TRANSIENT


def pauses(tries: int) -> Iterator[float]:
    """Yield how long to wait after each of *tries* tries but the last: a random time up to a bound that doubles.

    With full jitter, two runs that stopped each other don't meet again.
    """
    for attempt in range(tries - 1):
        yield random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))  # noqa: S311 - spreads retries, guards nothing


def retry(action: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """Do *action* and return its result; again after a transient failure, so it must be safe to repeat."""
    for pause in pauses(_TRIES):
        try:
            return action(*args, **kwargs)
        except psycopg.Error as error:
            if not is_transient(error):
                raise
            logger.info("met %s, trying again", error.sqlstate)
        time.sleep(pause)
    return action(*args, **kwargs)
