"""Run the worker's decisions in a thread."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from typing import TYPE_CHECKING

from adi_analytics._engine.delivery.effects import Breathe, Disconnect, Wait
from adi_analytics._engine.drivers import core_run
from adi_analytics._engine.drivers.core_run import CRASH_PAUSE, CRASHED, NOTHING, CoreRun
from adi_analytics._engine.queue.consumer import SupersededError

if TYPE_CHECKING:
    from adi_analytics._engine.delivery.effects import Effect
    from adi_analytics._engine.drivers.core_run import Outcome
    from adi_analytics._engine.drivers.target import Session, Target
    from adi_analytics._engine.pipeline import Pipeline

logger = logging.getLogger("adi_analytics.worker")


class ThreadRunner:
    """Runs the core in a daemon thread.

    Args:
        pipeline: The events.
        target: Where they go.
    """

    def __init__(self, pipeline: Pipeline, target: Target) -> None:
        self._pipeline = pipeline
        self._target = target
        self._session: Session | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Start the thread; ``False`` if the queue has a consumer already.

        Raises:
            RuntimeError: If no thread can be started now; then the queue has no consumer.
        """
        owner, wake = object(), threading.Lock()
        wake.acquire()
        if not self._pipeline.consumer.acquire(owner, lambda: _release(wake), here=False):
            return False
        thread = threading.Thread(target=self._run, args=(owner, wake), name="adi-analytics-worker", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except BaseException:
            if thread.ident is None:  # else it was interrupted while it waited for the thread, which runs
                self._thread = None
                self._pipeline.consumer.release(owner)
            raise
        return True

    def run_here(self, deadline: float) -> None:
        """Deliver in the calling thread, because no other starts, until *deadline* (monotonic); spool what is left."""
        owner, wake = object(), threading.Lock()
        wake.acquire()
        if not self._pipeline.consumer.acquire(owner, lambda: _release(wake)):
            return
        left = max(deadline - time.monotonic(), 0.0)
        self._pipeline.consumer.request_stop(left)
        try:
            self._drive(owner, wake, left)
        except SupersededError:
            logger.debug("the worker was superseded by a signal handler")
        finally:
            self._pipeline.leave(owner)

    def save_here(self) -> None:
        """Put what is in memory into the spool, from this thread; the database is not asked."""
        pipeline, owner = self._pipeline, object()
        if pipeline.settings.spool != "off" and pipeline.consumer.acquire(owner, lambda: None):
            try:
                for _ in core_run.new_core(pipeline, self._target).save():
                    pass
            finally:
                pipeline.consumer.release(owner)

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end, at most *timeout* seconds; returns whether it has ended."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(timeout, 0.0))
        return self._thread is None or not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def after_fork_in_child(self) -> None:
        """Forget the thread and the connection: they are the parent's."""
        self._thread = None
        if self._session is not None:
            self._session.abandon()
            self._session = None

    def _run(self, owner: object, wake: threading.Lock) -> None:
        self._pipeline.queue.attach_thread()
        try:
            while not self._drive(owner, wake):
                time.sleep(CRASH_PAUSE)
        except SupersededError:
            logger.debug("the worker was superseded while it waited")
        except BaseException:
            logger.exception("the worker's thread ends, which was not planned; its events wait for close()")
        finally:
            self._pipeline.leave(owner)

    def _drive(self, owner: object, wake: threading.Lock, longest: float = math.inf) -> bool:
        """Run one core; ``False`` if it failed by a fault of ours, and should be started again."""
        session = self._session = self._target.session()
        session.limit(longest)
        outcome = NOTHING
        try:
            run = CoreRun(self._pipeline, self._target, owner)
            while (effect := run.next(outcome)) is not None:
                outcome = _perform(session, effect, wake)
        except SupersededError:
            raise
        except Exception as error:
            if self._pipeline.unfinished.may_log(f"crash {type(error).__name__}"):
                logger.exception(CRASHED)
            return self._pipeline.consumer.stop_at is not None
        else:
            return True
        finally:
            session.perform(Disconnect())


def _perform(session: Session, effect: Effect, wake: threading.Lock) -> Outcome:
    """Do *effect*."""
    try:
        match effect:
            case Wait(seconds):
                wake.acquire(timeout=seconds)
            case Breathe():
                time.sleep(0)
            case _:
                return session.perform(effect), None
    except Exception as error:  # noqa: BLE001 - whatever it is, the core decides
        return None, error
    return NOTHING


def _release(lock: threading.Lock) -> None:
    with contextlib.suppress(RuntimeError):  # another thread released it already: once is enough
        lock.release()
