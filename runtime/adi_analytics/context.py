"""Values that every event of a request, job or block carries: ``with analytics_context(request_id=...)``."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONTEXT: Final[ContextVar[Mapping[str, Any] | None]] = ContextVar("adi_analytics_context", default=None)

current_context: Final = _CONTEXT.get
"""Returns the values in force here, or ``None``. Bound once: `track` calls it for every event."""


@contextmanager
def analytics_context(**values: Any) -> Iterator[None]:
    """Add *values* to the ``context`` of every event tracked inside the block.

    Blocks nest, the inner one winning. Threads and tasks see what was in force where they were started, as with any
    `contextvars.ContextVar`. The values must be JSON; they are stored with the event as they are, without a catalog's
    store policy, so keep personal data out of them.
    """
    token = _CONTEXT.set({**(_CONTEXT.get() or {}), **values})
    try:
        yield
    finally:
        _CONTEXT.reset(token)
