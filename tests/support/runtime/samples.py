"""Events to send."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from adi_analytics import events

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = uuid.UUID("0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01")


def task(number: int = 0) -> events.TaskCompleted:
    """Return an event that carries *number*, to be found again."""
    return events.TaskCompleted(task_id=uuid.UUID(int=number), user_id=USER, duration_ms=number, exit_code=0)


def tasks(count: int, start: int = 0) -> Iterator[events.TaskCompleted]:
    """Yield *count* events with consecutive numbers."""
    return map(task, range(start, start + count))


def task_with(**values: Any) -> Any:
    """Return a task whose fields have these values, right or wrong."""
    fields = {"task_id": uuid.UUID(int=1), "user_id": uuid.UUID(int=5), "duration_ms": 1, "exit_code": 0, **values}
    return events.TaskCompleted(**fields)


def error(text: Any) -> Any:
    """Return an error with this message."""
    return events.ApplicationError(service="s", error_type="E", error_message=text)


def refused(service: str = "") -> events.ApplicationError:
    """Return an event that follows the catalog and that the server refuses: its service is too long for an index."""
    random = "".join(uuid.uuid4().hex for _ in range(1000))  # does not compress
    return events.ApplicationError(service=service + random, error_type="E", error_message="m")


EMAIL = "ada@example.org"


def login() -> events.AuthLoginAttempt:
    """Return an event with a value that the catalog hides."""
    return events.AuthLoginAttempt(success=True, email=EMAIL)
