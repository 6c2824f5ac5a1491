"""One question of many requests: asked once at a time, answered to all who wait, and kept where asking took long."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_Found = TypeVar("_Found")

QUICK: Final = 0.05
"""Seconds. What took no longer is asked for each request."""
SHARE: Final = 20
"""So many times as long as asking took, the answer is kept: the question takes a twentieth of a connection at most."""


class Shared(Generic[_Found]):
    """Lets requests that come while a question is being asked share the next time that it is asked.

    So they take one connection, however many they are. An answer that took longer than `QUICK` is kept `SHARE` times
    as long as it took. No other is older than the request for it: what a client stored before it asked is in it.

    Args:
        ask: Asks the question. What it raises, every request of that time gets.
        keep: Most seconds that an answer may be old. Defaults to 0: none is kept.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[_Found]], *, keep: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._keep = keep
        self._clock = clock
        self._kept: tuple[float, _Found] | None = None
        self._running: asyncio.Task[_Found] | None = None
        self._next: asyncio.Task[_Found] | None = None

    async def answer(self) -> _Found:
        """Return the answer to the question: the kept one, or one that is asked after this call."""
        if self._kept is not None and self._clock() < self._kept[0]:
            return self._kept[1]
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            self._next.add_done_callback(_looked_at)
        # Shielded: when one client goes away, the others still want the answer.
        return await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[_Found] | None) -> _Found:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        began = self._clock()
        found = await self._ask()
        took = self._clock() - began
        self._kept = (began + min(self._keep, SHARE * took), found) if took > QUICK else None
        return found


def _looked_at(task: asyncio.Task[_Found]) -> None:
    """Take note of an error that nobody waits for any more, so that asyncio logs no traceback."""
    if not task.cancelled():
        task.exception()
