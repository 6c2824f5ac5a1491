"""Log lines, as text or JSON. None holds what a request carried: no token, no body, no address.

Messages of exceptions are left out, since a database's may quote values; their types and places are kept.
"""

from __future__ import annotations

import copy
import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from types import TracebackType

    Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

REQUEST: Final[ContextVar[str | None]] = ContextVar("adi_analytics_request", default=None)
"""The id of the request that is answered."""

access: Final = logging.getLogger("adi_analytics.server.access")
"""A line for each request, at INFO."""

_LONGEST: Final = 4096  # characters of a message


def configure(form: Literal["text", "json"]) -> None:
    """Send log lines to standard error, as text, or as JSON with one for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_FullOnce())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # As text there is no line for each request: it costs more than a small batch.
    access.setLevel(logging.INFO if form == "json" else logging.WARNING)


class _FullOnce(logging.Filter):
    """Lets one line a second pass that no file can be opened for a client: asyncio writes two thousand at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._last = -1.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        if record.name != "asyncio" or not record.getMessage().startswith("socket.accept() out of system resource"):
            return True
        passes = record.created >= self._last + 1
        self._last = record.created if passes else self._last
        return passes


class TextFormatter(logging.Formatter):
    """Formats lines to read."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what another handler kept of the exception is not used."""
        own = copy.copy(record)
        own.exc_text = None
        return super().format(own)

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - logging's name
        """Return the places of an exception and its causes, without their messages."""
        return "\n".join(_places(ei[1]))


class JsonFormatter(logging.Formatter):
    """Formats each line as a JSON object: time, level, logger, message, request_id, and what the line adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage()[:_LONGEST],
        }
        request = REQUEST.get()
        if request is not None:
            line["request_id"] = request
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = _places(record.exc_info[1])
        return json.dumps(line, default=str)


def _places(error: BaseException | None) -> list[str]:
    """Return types and places of *error* and what caused it, the outermost first."""
    found: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        state = getattr(error, "sqlstate", None)
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        found.append(f"{kind} (SQLSTATE {state})" if state else kind)
        frames = traceback.extract_tb(error.__traceback__)
        found += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found
