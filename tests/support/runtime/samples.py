"""Events to send."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from adi_analytics import events

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = uuid.UUID("0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01")


def task(number: int = 0) -> events.TaskCompleted:
    """Return an event that carries *number*, to be found again."""
    return events.TaskCompleted(task_id=uuid.UUID(int=number), user_id=_USER, duration_ms=number, exit_code=0)


def tasks(count: int, start: int = 0) -> Iterator[events.TaskCompleted]:
    """Yield *count* events with consecutive numbers."""
    return map(task, range(start, start + count))
