"""What clients may cost a running service beside their requests: open connections, and the time that they keep one.

It is of `analytics-server run`. In another ASGI server the limits are that server's.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from adi_analytics._shared.options import OptionError
from adi_analytics.server.observe import OVER_LIMIT

logger = logging.getLogger("adi_analytics.server")

_HURRY: Final = 5.0  # seconds of patience beyond the limit, where there is little room


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Limits of a process.

    Attributes:
        connections: Open connections that are served. Defaults to 512: many systems give a process 1024 descriptors for
            all that it has open.
        reserve: Connections beyond them that get an answer: 503, or that of ``/health``. More are closed at once.
            Defaults to 64.
        patience: Seconds that a client may take to send the head of a request, or to take a next part of an answer.
            Defaults to 30.
    """

    connections: int = 512
    reserve: int = 64
    patience: float = 30.0

    def __post_init__(self) -> None:
        if self.connections < 1:
            raise OptionError("max_connections", "a whole number above 0")


def fitted(guard: Guard, other: int) -> Guard:
    """Return *guard* with as many connections as this process may open, beside *other* files.

    It asks the system for more first. Without descriptors left, a process can't refuse a connection, either: it would
    be told of it again and again.

    Raises:
        OptionError: If there is no room for a single one.
    """
    if sys.platform == "win32":
        return guard  # sockets are no files there
    import resource

    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = guard.connections + guard.reserve + other
    if needed <= allowed or allowed == resource.RLIM_INFINITY:
        return guard
    allowed = needed if most == resource.RLIM_INFINITY else min(needed, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    room = allowed - other
    if room < 2:  # noqa: PLR2004 - one that is served, and one that is refused
        expected = f"more open files (ulimit -n), which are {allowed}, and {other} are needed"
        raise OptionError("max_connections", expected)
    if allowed < needed:
        reserve = min(guard.reserve, room // 2)
        guard = replace(guard, connections=room - reserve, reserve=reserve)
        message = "%d connections are served at a time: this process may open %d files (ulimit -n)"
        logger.warning(message, guard.connections, allowed)
    return guard


def guarded(guard: Guard) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with limits, for its option ``http``."""
    return cast("type[asyncio.Protocol]", partial(_Guarded, guard=guard))  # what uvicorn only calls


class _Guarded(H11Protocol):
    """HTTP as h11 reads it, which allows 16 KiB for the head of a request."""

    def __init__(self, *arguments: Any, guard: Guard, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._guard = guard
        self._patience = guard.patience
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0  # bytes of answers that waited for the client when the timer ran out last

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        over = len(self.connections) - self._guard.connections
        if over > self._guard.reserve:
            transport.abort()
            return
        if over > 0:
            self.app_state = {**self.app_state, OVER_LIMIT: True}
            self._patience = min(self._patience, _HURRY)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()

    def _wait(self) -> None:
        self._stop()
        self._unsent = 0
        self._timer = self.loop.call_later(self._patience, self._look)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Close a connection that a client keeps for nothing, else look again later."""
        unsent = self.transport.get_write_buffer_size()
        answering = self.cycle is not None and not self.cycle.response_complete
        stuck = 0 < self._unsent <= unsent if unsent else not answering
        if stuck:
            self.transport.abort()
            return
        self._unsent = unsent
        self._timer = self.loop.call_later(self._patience, self._look)
