"""Run the worker's decisions in a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from adi_analytics._engine.delivery.effects import Breathe, Disconnect, Wait
from adi_analytics._engine.delivery.faults import InterruptedWorkError
from adi_analytics._engine.drivers.core_run import CRASH_PAUSE, CRASHED, NOTHING, CoreRun
from adi_analytics._engine.process import at_fork
from adi_analytics._engine.queue.consumer import SupersededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.drivers.core_run import Outcome
    from adi_analytics._engine.drivers.target import AsyncSession, Target
    from adi_analytics._engine.pipeline import Pipeline

logger = logging.getLogger("adi_analytics.worker")


class AsyncioRunner:
    """Runs the core in a coroutine.

    Args:
        pipeline: The events.
        target: Where they go.
        start_in_child: Called in a process forked while this runs, whose loop is the parent's.
    """

    def __init__(self, pipeline: Pipeline, target: Target, start_in_child: Callable[[], None]) -> None:
        self._pipeline = pipeline
        self._consumer = pipeline.consumer
        self._target = target
        self._start_in_child = start_in_child
        self._running = False
        self._cancellations = 0

    async def run(self) -> bool:
        """Run the core until it ends; ``False`` if the queue has a consumer already.

        A cancellation makes it deliver what there is, at most ``shutdown_timeout`` seconds, and is then raised again.
        """
        owner, woken, loop = object(), asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and this runner with it
                loop.call_soon_threadsafe(woken.set)

        if not self._consumer.acquire(owner, wake):
            return False
        self._running = True
        self._cancellations = _cancellations()
        at_fork.register(self)
        try:
            while not await self._drive(owner, woken):
                await self._pause()
        except SupersededError:
            logger.debug("the worker was superseded while it waited")
        finally:
            self._running = False
            self._pipeline.leave(owner)
        return True

    def after_fork_in_child(self) -> None:
        """Leave the connection to the parent, and the events of the child to another runner."""
        if self._running:
            self._running = False
            self._start_in_child()

    async def _drive(self, owner: object, woken: asyncio.Event) -> bool:
        """Run one core; ``False`` if it failed by a fault of ours, and should be started again."""
        session = self._target.async_session()
        outcome = NOTHING
        cancelled = asyncio.CancelledError()
        try:
            run = CoreRun(self._pipeline, self._target, owner)
            while (effect := run.next(outcome)) is not None:
                try:
                    outcome = await _perform(session, effect, woken, self._left())
                except asyncio.CancelledError as caught:
                    cancelled = caught
                    outcome = None, self._interrupt(effect)
                else:
                    self._notice_cancellation()
        except SupersededError:
            if not self._cancelled:
                raise
        except Exception as error:
            if self._pipeline.unfinished.may_log(f"crash {type(error).__name__}"):
                logger.exception(CRASHED)
            if self._consumer.stop_at is None:
                return False
        finally:
            await session.perform(Disconnect())
        if self._cancelled:
            raise cancelled
        return True

    @property
    def _cancelled(self) -> bool:
        """Whether somebody cancelled the task since `run` began."""
        return _cancellations() > self._cancellations

    def _notice_cancellation(self) -> None:
        """Begin to stop if a cancellation was swallowed, as `asyncio.wait_for` of Python 3.11 may do."""
        if self._cancelled and self._consumer.stop_at is None:
            self._consumer.request_stop(self._pipeline.settings.shutdown_timeout)

    async def _pause(self) -> None:
        """Wait after a crash; a cancellation ends the pause, and the next core delivers what there is."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(CRASH_PAUSE)
        self._notice_cancellation()

    def _left(self) -> float | None:
        """Return the seconds left for a stop, ``None`` if there is none."""
        stop_at = self._consumer.stop_at
        return None if stop_at is None else stop_at - time.monotonic()

    def _interrupt(self, effect: Effect) -> Exception | None:
        """Begin to stop; returns what the core should see: a lost connection, unless it only waited."""
        if self._consumer.stop_at is None:
            self._consumer.request_stop(self._pipeline.settings.shutdown_timeout)
        return None if isinstance(effect, (Wait, Breathe)) else InterruptedWorkError("interrupted")


async def _perform(session: AsyncSession, effect: Effect, woken: asyncio.Event, left: float | None) -> Outcome:
    """Do *effect*, the server's part in the seconds *left*."""
    try:
        match effect:
            case Wait(seconds):
                # Not wait_for: on Python 3.11 it loses a cancellation that comes in the moment of the wake-up.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await woken.wait()
                woken.clear()
            case Breathe():
                await asyncio.sleep(0)
            case _:
                async with asyncio.timeout(left):
                    return await session.perform(effect), None
    except TimeoutError:
        return None, InterruptedWorkError("interrupted")
    except Exception as error:  # noqa: BLE001 - whatever it is, the core decides
        return None, error
    return NOTHING


def _cancellations() -> int:
    """Return how often the running task was asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
