"""The two drivers of the core: a thread, and a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from adi_analytics._engine.delivery.effects import Breathe, Disconnect, Wait
from adi_analytics._engine.process import at_fork
from adi_analytics._engine.queue.queue import SupersededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.delivery.loop import Core
    from adi_analytics._engine.drivers.connection import AsyncSession
    from adi_analytics._engine.queue.queue import EventQueue

logger = logging.getLogger("adi_analytics.worker")

_CRASH_PAUSE: Final = 1.0  # seconds before a core that failed is started again


def new_core(queue: EventQueue) -> Core:
    """Return a core."""
    from adi_analytics._engine.delivery.loop import (
        Core,  # late: psycopg takes half of the import time, and few processes deliver
    )

    return Core(queue)


class AsyncioRunner:
    """Runs the core in a coroutine.

    Args:
        queue: The events.
        make_session: Makes the session that performs the core's effects.
        start_in_child: Called in a process forked while this runs, whose loop is the parent's.
    """

    def __init__(
        self, queue: EventQueue, make_session: Callable[[], AsyncSession], start_in_child: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._make_session = make_session
        self._start_in_child = start_in_child
        self._running = False

    async def run(self) -> bool:
        """Run the core until it ends; ``False`` if the queue has a consumer already.

        A cancellation makes it deliver what there is, at most ``shutdown_timeout`` seconds, and is then raised again.
        """
        owner, woken, loop = object(), asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to wake
                loop.call_soon_threadsafe(woken.set)

        if not self._queue.acquire(owner, wake):
            return False
        self._running = True
        at_fork.register(self)
        try:
            while not await self._drive(owner, woken):  # noqa: ASYNC110 - a pause; nothing would set an event
                await asyncio.sleep(_CRASH_PAUSE)
        except SupersededError:
            logger.debug("the worker was given up while it waited")
        finally:
            self._running = False
            self._queue.release(owner)
        return True

    def after_fork_in_child(self) -> None:
        """Leave the connection to the parent, and the events of the child to another runner."""
        if self._running:
            self._running = False
            self._start_in_child()

    async def _drive(self, owner: object, woken: asyncio.Event) -> bool:
        """Run one core; ``False`` if it failed by a fault of ours, and should be started again."""
        session = self._make_session()
        result: Any = None
        error: Exception | None = None
        cancelled: asyncio.CancelledError | None = None
        try:
            core = new_core(self._queue).run()
            while True:
                effect = core.send(result) if error is None else core.throw(error)
                self._queue.leave()
                try:
                    left = None if self._queue.stop_at is None else self._queue.stop_at - time.monotonic()
                    result, error = await _perform_async(session, effect, woken, left)
                except asyncio.CancelledError as caught:
                    cancelled = caught
                    result, error = None, self._interrupt(effect)
                self._queue.enter(owner)
        except StopIteration:
            if cancelled is not None:
                raise cancelled from None
            return True
        except SupersededError:
            if cancelled is not None:
                raise cancelled from None
            raise
        except Exception:
            logger.exception("the worker failed and starts again; no event is lost")
            return self._queue.stop_at is not None
        finally:
            await session.perform(Disconnect())

    def _interrupt(self, effect: Effect) -> Exception | None:
        """Begin to stop; returns what the core should see: a lost connection, unless it only waited."""
        if self._queue.stop_at is None:
            self._queue.request_stop(self._queue.settings.shutdown_timeout)
        return None if isinstance(effect, (Wait, Breathe)) else _interrupted()


async def _perform_async(
    session: AsyncSession, effect: Effect, woken: asyncio.Event, left: float | None
) -> tuple[Any, Exception | None]:
    """Do *effect*, the server's part in the seconds *left*; returns its result, and the exception that it caused."""
    try:
        match effect:
            case Wait(seconds):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), seconds)
                woken.clear()
            case Breathe():
                await asyncio.sleep(0)
            case _:
                async with asyncio.timeout(left):
                    return await session.perform(effect), None
    except TimeoutError:
        return None, _interrupted()
    except Exception as error:  # noqa: BLE001 - whatever it is, the core decides
        return None, error
    return None, None


def _interrupted() -> Exception:
    import psycopg

    return psycopg.OperationalError("interrupted")
